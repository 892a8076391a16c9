import { useMemo, useState } from "preact/hooks";
import type { CompareBundlesResponse, ComparedBundle } from "../../../../gen/signet/v1/bundle_pb.js";
import { diffLines, hunksOf, type LineRun } from "../../../bundle/opa/line-diff.js";
import { readOpaPolicies, type OpaPolicies } from "../../../bundle/opa/opa-policies.js";
import { printable } from "../../../core/printable.js";
import { client } from "../../data/client.js";
import type { ProjectAt } from "../../data/links.js";
import { useCall } from "../../data/use-call.js";
import { Button } from "../../elements/button.js";
import { counted } from "../../elements/counted.js";
import { Loaded } from "../../elements/states.js";
import { Name, Status, type Tone } from "../../elements/text.js";

/** Files that are listed, and that are opened at once: each is compared when it is opened. */
const LISTED = 200;
const OPENED = 5;
/** Lines of one file that are shown. */
const SHOWN_LINES = 2_000;

interface FilesDifferenceProps {
  readonly at: ProjectAt;
  readonly compared: CompareBundlesResponse;
}

/** Two versions of kind OPA, file by file, with the lines that differ. */
export function FilesDifference({ at, compared: { before, after } }: FilesDifferenceProps) {
  const sides = [before, after];
  const contents = useCall(
    (signal) => Promise.all(sides.map((side) => policiesOf(at, side, signal))),
    [at, sides.map((side) => side?.bundleId)],
  );
  return (
    <Loaded call={contents} lines={10}>
      {([one, other]) => (one === undefined || other === undefined ? null : <Files before={one} after={other} />)}
    </Loaded>
  );
}

async function policiesOf(at: ProjectAt, side: ComparedBundle | undefined, signal: AbortSignal): Promise<OpaPolicies> {
  if (side === undefined) return readOpaPolicies('{"files":{}}');
  const request = { orgId: at.org, projectId: at.project, envName: side.environment, version: side.version };
  return readOpaPolicies((await client.bundles.getBundle(request, { signal })).policiesJson);
}

function Files({ before, after }: { readonly before: OpaPolicies; readonly after: OpaPolicies }) {
  const paths = useMemo(
    () =>
      [...new Set([...before.files.keys(), ...after.files.keys()])]
        .filter((path) => before.files.get(path) !== after.files.get(path))
        .sort(),
    [before, after],
  );
  const [listed, setListed] = useState(LISTED);
  const facts = [
    ["Roots", JSON.stringify(before.roots), JSON.stringify(after.roots)],
    ["Rego version", String(before.regoVersion), String(after.regoVersion)],
  ].filter(([, one, other]) => one !== other);
  return (
    <div class="stack">
      <p>{paths.length === 0 ? "No file differs." : `${counted(paths.length, "file differs", "files differ")}.`}</p>
      {facts.map(([label, one = "", other = ""]) => (
        <p key={label}>
          {label}: <Name text={one} /> → <Name text={other} />
        </p>
      ))}
      {paths.slice(0, listed).map((path, index) => (
        <File
          key={path}
          path={path}
          before={before.files.get(path)}
          after={after.files.get(path)}
          isOpen={index < OPENED}
        />
      ))}
      {paths.length > listed && (
        <div>
          <Button onClick={() => setListed(listed + LISTED)}>Show more files</Button>
        </div>
      )}
    </div>
  );
}

interface FileProps {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly isOpen: boolean;
}

function File({ path, before, after, isOpen: isOpenFirst }: FileProps) {
  const [isOpen, setOpen] = useState(isOpenFirst);
  const [tone, word]: readonly [Tone, string] =
    before === undefined ? ["good", "added"] : after === undefined ? ["bad", "removed"] : ["warn", "changed"];
  return (
    <details class="card" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <code>
          <Name text={path} />
        </code>{" "}
        <Status tone={tone} text={word} />
      </summary>
      {isOpen && <Lines path={path} before={before ?? ""} after={after ?? ""} />}
    </details>
  );
}

function Lines({ path, before, after }: { readonly path: string; readonly before: string; readonly after: string }) {
  const { added, removed, lines } = useMemo(() => {
    const diff = diffLines(before, after);
    const all = hunksOf(diff).flatMap(({ oldStart, oldLines, newStart, newLines, runs }) => [
      { kind: "range" as const, text: `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@\n` },
      ...runs.flatMap(({ kind, lines: texts }) => texts.map((text) => ({ kind, text }))),
    ]);
    return { added: diff.added, removed: diff.removed, lines: all };
  }, [before, after]);
  return (
    <>
      <p class="muted text-note">
        {counted(added, "line added", "lines added")}, {counted(removed, "line removed", "lines removed")}
      </p>
      <pre class="text-plain" tabIndex={0} role="region" aria-label={`What differs in ${path}`}>
        <code>
          {lines.slice(0, SHOWN_LINES).map(({ kind, text }, index) => (
            <span key={index} class={CLASSES[kind]}>
              {MARKS[kind]}
              {shownLine(text)}
            </span>
          ))}
        </code>
      </pre>
      {lines.length > SHOWN_LINES && (
        <p class="muted">{counted(lines.length - SHOWN_LINES, "more line is", "more lines are")} not shown.</p>
      )}
    </>
  );
}

/** Invisible characters, which could show another text than there is, as `\u` and digits. */
function shownLine(text: string): string {
  const visible = text
    .replace(/\r?\n?$/, "")
    .split("\t")
    .map(printable)
    .join("\t");
  return text.endsWith("\n") ? `${visible}\n` : `${visible}\n\\ no line feed at the end of the file\n`;
}

type Shown = LineRun["kind"] | "range";
const MARKS: Readonly<Record<Shown, string>> = { added: "+", removed: "-", same: " ", range: "" };
const CLASSES: Readonly<Record<Shown, string>> = {
  added: "status-good",
  removed: "status-bad",
  same: "",
  range: "muted",
};
