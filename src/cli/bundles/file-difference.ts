import { opaChanges, type FileChange, type OpaChanges } from "../../bundle/opa/file-changes.js";
import { hunksOf, type Hunk, type LineRun } from "../../bundle/opa/line-diff.js";
import { readOpaPolicies, type OpaPolicies } from "../../bundle/opa/opa-policies.js";
import { OPA_POLICIES } from "../../core/bundle.js";
import { printable } from "../../core/printable.js";
import type { Bundle } from "../../sdk/index.js";
import type { EnvironmentPath, Session } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";

/** A version of an environment. */
export interface VersionPath extends EnvironmentPath {
  readonly version: number;
}

/** One side of a comparison: policies that are here, a version that the server has, or nothing. */
export type ComparedPolicies = { readonly policies: string } | VersionPath | null;

/** Lines of all files that are shown; what is longer is for `signet bundles get --output` and a tool. */
const MAX_LINES = 5_000;

const COLORS = { add: "32", added: "32", remove: "31", removed: "31", replace: "33", same: null } as const;
const FILE_MARKS = { add: "+", remove: "-", replace: "~" } as const;
const LINE_MARKS = { added: "+", removed: "-", same: " " } as const;

/**
 * The difference between two policies of kind OPA for a person: by files, with the lines that changed as unified diffs have them. Null when a
 * side is of another kind. Fetches the versions.
 */
export async function fileDifference(
  session: Session,
  before: ComparedPolicies,
  after: ComparedPolicies,
  color: boolean,
): Promise<string | null> {
  const [old, text] = [await policiesOf(session, before), await policiesOf(session, after)];
  if (old === null || text === null) return null;
  return formatFileChanges(opaChanges(readOpaPolicies(old), readOpaPolicies(text)), color);
}

/** What a dry run would change in an environment, by files; null where it is told value by value. `after` are the new policies. */
export async function previewedFiles(
  { shell, session }: { readonly shell: Shell; readonly session: Session },
  bundle: Bundle,
  target: EnvironmentPath,
  after: ComparedPolicies,
): Promise<string | null> {
  const { change, mediaType } = bundle;
  if (shell.json || change?.dryRun !== true || change.unchanged || mediaType !== OPA_POLICIES) return null;
  const { activeVersion: version } = await session.client.organizations.getEnvironment(target);
  const before = version === undefined ? null : { ...target, version };
  return await fileDifference(session, before, after, shell.color);
}

/** What others wrote is escaped, and stays on its line. */
export function formatFileChanges({ files, added, removed, roots, regoVersion }: OpaChanges, color: boolean): string {
  const paint = (text: string, code: string | null) =>
    color && code !== null ? `\u001b[${code}m${text}\u001b[0m` : text;
  const head = (label: string, before: string, after: string) =>
    `${paint(`~ ${printable(`${label}: ${before} -> ${after}`)}`, COLORS.replace)}\n`;
  const facts = [
    ...(roots === null ? [] : [head("roots", JSON.stringify(roots.before), JSON.stringify(roots.after))]),
    ...(regoVersion === null ? [] : [head("rego_version", String(regoVersion.before), String(regoVersion.after))]),
  ];
  if (files.length === 0) return facts.length === 0 ? "no difference\n" : facts.join("");
  const count = `${files.length} ${files.length === 1 ? "file" : "files"}: ${counted(added, "added")}, ${counted(removed, "removed")}\n`;
  let left = MAX_LINES;
  const texts = files.map((change) => {
    const lines = [paint(titleOf(change), COLORS[change.op]), ...linesOf(change, paint).slice(0, left)];
    left = Math.max(0, left - lines.length + 1);
    return lines.map((text) => `${text}\n`).join("");
  });
  const more =
    left === 0 ? `… only the first ${MAX_LINES} lines are shown: signet bundles get <version> --output <folder>\n` : "";
  return count + facts.join("") + texts.join("") + more;
}

async function policiesOf(session: Session, side: ComparedPolicies): Promise<string | null> {
  if (side === null) return NOTHING;
  if ("policies" in side) return side.policies;
  const { mediaType, policiesJson } = await session.client.bundles.getBundle(side);
  return mediaType === OPA_POLICIES ? policiesJson : null;
}

/** Roots and version as they are by default, so that what is published first seems to change nothing but files. */
const NOTHING = '{"files":{}}';

function titleOf({ op, path, diff }: FileChange): string {
  return printable(`${FILE_MARKS[op]} ${path}  +${diff.added} -${diff.removed}`);
}

function linesOf({ diff }: FileChange, paint: (text: string, code: string | null) => string): readonly string[] {
  return hunksOf(diff).flatMap((hunk) => [
    paint(rangeOf(hunk), "36"),
    ...hunk.runs.flatMap((run) => runLines(run, paint)),
  ]);
}

function rangeOf({ oldStart, oldLines, newStart, newLines }: Hunk): string {
  return `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`;
}

function runLines({ kind, lines }: LineRun, paint: (text: string, code: string | null) => string): readonly string[] {
  return lines.flatMap((text) => {
    const shown = paint(`${LINE_MARKS[kind]}${lineOf(text)}`, COLORS[kind]);
    return text.endsWith("\n") ? [shown] : [shown, "\\ no line feed at the end of the file"];
  });
}

/** Tabs are indentation in Rego; all else that is invisible is escaped. */
function lineOf(text: string): string {
  return text
    .replace(/\r?\n?$/, "")
    .split("\t")
    .map(printable)
    .join("    ");
}

function counted(lines: number, what: string): string {
  return `${lines} ${lines === 1 ? "line" : "lines"} ${what}`;
}

/** Policies of kind OPA for a person: each file under a line with its path. */
export function formatOpaPolicies({ files, roots, regoVersion }: OpaPolicies): string {
  const head = `roots ${printable(JSON.stringify(roots))}, rego_version ${regoVersion}\n`;
  const texts = [...files].map(([path, text]) => {
    const lines = text.replace(/\n$/, "").split("\n").map(lineOf);
    return `\n--- ${printable(path)}\n${lines.map((shown) => `${shown}\n`).join("")}`;
  });
  return head + texts.join("");
}
