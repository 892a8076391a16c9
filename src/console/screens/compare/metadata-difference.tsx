import type { ComponentChildren } from "preact";
import type { Bundle, ComparedBundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Loaded } from "../../elements/states.js";
import { Hash, Name, Tag } from "../../elements/text.js";
import { absoluteTime, millisOf, Time } from "../../elements/time.js";
import { sideName } from "./side.js";

interface MetadataDifferenceProps {
  readonly at: ProjectAt;
  readonly before: ComparedBundle | undefined;
  readonly after: ComparedBundle;
}

/** What is known of both versions beside their content. */
export function MetadataDifference({ at, before, after }: MetadataDifferenceProps) {
  const sides = [before, after].map((side) =>
    side === undefined ? null : ([side.environment, side.version] as const),
  );
  const bundles = useCall(
    (signal) =>
      Promise.all(
        sides.map(async (side): Promise<Bundle | undefined> => {
          if (side === null) return undefined;
          const [envName, version] = side;
          const path = { orgId: at.org, projectId: at.project, envName };
          const listed = await client.bundles.listBundles(
            { ...path, limit: 1, beforeVersion: version + 1 },
            { signal },
          );
          return listed.bundles.find((bundle) => bundle.version === version);
        }),
      ),
    [at, sides],
  );
  const name = (side: ComparedBundle | undefined) =>
    side === undefined ? (
      "nothing active"
    ) : (
      <a href={links.version(at, side.environment, side.version)}>
        {sideName({ env: side.environment, version: side.version })}
      </a>
    );
  return (
    <Loaded call={bundles} lines={4}>
      {([one, other]) => (
        <div class="table-box">
          <table class="table metadata">
            <caption class="visually-hidden">About both versions</caption>
            <thead>
              <tr>
                <th scope="col">Field</th>
                <th scope="col">Before: {name(before)}</th>
                <th scope="col">After: {name(after)}</th>
                <th scope="col">Differs</th>
              </tr>
            </thead>
            <tbody>
              {ROWS.map(([label, textOf, show]) => {
                const isOther = (one === undefined ? "" : textOf(one)) !== (other === undefined ? "" : textOf(other));
                return (
                  <tr key={label} class={isOther ? "metadata-differs" : undefined}>
                    <th scope="row">{label}</th>
                    {[one, other].map((bundle, index) => (
                      <td key={index} data-label={index === 0 ? "Before" : "After"}>
                        {bundle === undefined ? "–" : show(bundle)}
                      </td>
                    ))}
                    <td data-label="Differs">{isOther ? "differs" : <span class="muted">same</span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Loaded>
  );
}

type Row = readonly [label: string, textOf: (bundle: Bundle) => string, show: (bundle: Bundle) => ComponentChildren];

const named = (text: string | undefined) => (text === undefined || text === "" ? "–" : <Name text={text} />);

const ROWS: readonly Row[] = [
  ["Title", ({ title = "" }) => title, ({ title }) => named(title)],
  ["Description", ({ description = "" }) => description, ({ description }) => named(description)],
  ["Published by", ({ publishedBy = "" }) => publishedBy, ({ publishedBy }) => named(publishedBy)],
  [
    "Published",
    ({ publishedAt }) => (publishedAt === undefined ? "" : absoluteTime(millisOf(publishedAt), "utc")),
    ({ publishedAt }) => <Time at={publishedAt} />,
  ],
  ["Kind", ({ mediaType }) => mediaType, ({ mediaType }) => named(mediaType)],
  ["Came by", ({ origin }) => origin, ({ origin }) => <Tag>{origin}</Tag>],
  ["Source revision", ({ source }) => source?.revision ?? "", ({ source }) => named(source?.revision)],
  ["Labels", ({ labels }) => labelsOf(labels), ({ labels }) => named(labelsOf(labels))],
  [
    "Policy hash",
    ({ policyHash }) => policyHash,
    ({ policyHash }) => <Hash value={policyHash} length={"sha256:".length + 12} />,
  ],
];

function labelsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(", ");
}
