import { useEffect, useMemo, useState } from "preact/hooks";
import type { CompareBundlesResponse } from "../../../../gen/signet/v1/bundle_pb.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { Loaded } from "../../elements/states.js";
import { DifferenceView } from "../../text/difference-view.js";
import { findValue, segmentsOf } from "../../text/find-value.js";
import { useLineHash } from "../../text/line-hash.js";
import { MAX_EDITED } from "../../text/text-handle.js";
import { bytesInWords } from "../../elements/bytes-in-words.js";
import { saveFile } from "../../elements/save-file.js";
import { ChangesList } from "./changes-list.js";
import { comparedTexts, lineAt, type ComparedContent } from "./compared-texts.js";
import { sideName } from "./side.js";

interface TextDifferenceProps {
  readonly at: ProjectAt;
  readonly compared: CompareBundlesResponse;
  readonly mode: "unified" | "split";
  readonly onlyChanges: boolean;
  /** A JSON Pointer that is shown. */
  readonly path: string | undefined;
}

/** Both texts beside or below each other. What no editor takes is listed by path, with a download of both. */
export function TextDifference({ at, compared, mode, onlyChanges, path }: TextDifferenceProps) {
  const { before, after } = compared;
  const sides = [before, after].map((side) =>
    side === undefined ? null : ([side.environment, side.version] as const),
  );
  const contents = useCall(
    (signal) =>
      Promise.all(
        sides.map(async (side): Promise<ComparedContent | undefined> => {
          if (side === null) return undefined;
          const [envName, version] = side;
          const request = { orgId: at.org, projectId: at.project, envName, version };
          const { policiesJson, scopePoliciesJson } = await client.bundles.getBundle(request, { signal });
          return { environment: envName, policies: policiesJson, scopePolicies: scopePoliciesJson };
        }),
      ),
    [at, sides],
  );
  return (
    <Loaded call={contents} lines={10}>
      {([one, other]) =>
        other === undefined ? null : <Texts {...{ at, compared, mode, onlyChanges, path }} before={one} after={other} />
      }
    </Loaded>
  );
}

interface TextsProps extends TextDifferenceProps {
  readonly before: ComparedContent | undefined;
  readonly after: ComparedContent;
}

function Texts({ compared, mode, onlyChanges, path, before, after }: TextsProps) {
  const length = Math.max(lengthOf(before), lengthOf(after));
  const isLong = length > MAX_EDITED;
  const texts = useMemo(() => (isLong ? undefined : comparedTexts(before, after)), [isLong, before, after]);
  const [line, setLine] = useLineHash();
  const [pathLine, setPathLine] = useState<number | undefined>(undefined);
  useEffect(() => {
    if (texts === undefined || path === undefined) return;
    const place = findValue(texts.after, segmentsOf(path));
    setPathLine(place === undefined ? undefined : lineAt(texts.after, place.keyStart));
  }, [texts, path]);
  const names = [compared.before, compared.after].map((side) =>
    side === undefined ? "nothing" : sideName({ env: side.environment, version: side.version }),
  );
  const [beforeLabel = "", afterLabel = ""] = names;
  if (texts === undefined) {
    return (
      <div class="stack">
        <p class="muted">
          {bytesInWords(length)} are too much to compare as text here: the changes by path, and both contents to
          download.
        </p>
        <div class="row">
          {[before, after].map((content, index) =>
            content === undefined ? null : (
              <Button
                key={names[index]}
                icon="download"
                onClick={() =>
                  saveFile(`${names[index] ?? ""}.json`, new Blob([rawOf(content)], { type: "application/json" }))
                }
              >
                Download {names[index]}
              </Button>
            ),
          )}
        </div>
        {compared.difference !== undefined && <ChangesList difference={compared.difference} />}
      </div>
    );
  }
  if (texts.before === texts.after) return <p>Both contents are the same.</p>;
  return (
    <DifferenceView
      before={texts.before}
      after={texts.after}
      label="Difference"
      beforeLabel={beforeLabel}
      afterLabel={afterLabel}
      mode={mode}
      onlyChanges={onlyChanges}
      line={pathLine ?? line}
      onLine={(chosen) => {
        setPathLine(undefined);
        setLine(chosen);
      }}
    />
  );
}

function lengthOf(content: ComparedContent | undefined): number {
  return content === undefined ? 0 : content.policies.length + content.scopePolicies.length;
}

function rawOf({ policies, scopePolicies }: ComparedContent): string {
  return `{"policies":${policies},"scope_policies":${scopePolicies}}`;
}
