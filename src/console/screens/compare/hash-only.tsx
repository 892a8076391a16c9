import { client } from "../../data/client.js";
import { links, type ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Loaded } from "../../elements/states.js";
import { Name, Status } from "../../elements/text.js";
import { sideName, type Side } from "./side.js";

interface HashOnlyProps {
  readonly at: ProjectAt;
  readonly from: Side;
  readonly to: Side;
  /** What the server says of a comparison that is too large. */
  readonly because: string;
}

/** Two versions that are too large to compare: whether their hashes are the same, and where each of them is. */
export function HashOnly({ at, from, to, because }: HashOnlyProps) {
  const found = useCall(
    (signal) =>
      Promise.all(
        [from, to].map(async ({ env, version }) => {
          const path = { orgId: at.org, projectId: at.project, envName: env };
          const at1 = version ?? (await client.organizations.getEnvironment(path, { signal })).activeVersion ?? 0;
          const listed = await client.bundles.listBundles({ ...path, limit: 1, beforeVersion: at1 + 1 }, { signal });
          const bundle = listed.bundles.find((one) => one.version === at1);
          return { env, version: at1, policyHash: bundle?.policyHash ?? "" };
        }),
      ),
    [at, from, to],
  );
  return (
    <section class="card stack" aria-label="Compared by hash only">
      <h2>Compared by hash only</h2>
      <p>
        <Name text={because} />
      </p>
      <Loaded call={found} lines={2}>
        {(sides) => (
          <>
            {sides[0]?.policyHash === sides[1]?.policyHash ? (
              <Status tone="good" text="Same content" />
            ) : (
              <Status tone="info" text="Contents differ" />
            )}
            <ul class="stack">
              {sides.map((side) => (
                <li key={`${side.env} ${side.version}`}>
                  <a href={links.version(at, side.env, side.version)}>{sideName(side)}</a>:{" "}
                  <code>{side.policyHash}</code>
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
    </section>
  );
}
