import { printable } from "../../core/printable.js";
import type { BundleDifference, ValueChange } from "../../sdk/index.js";

/** Values that are together shorter than this share the line of their path. */
const MAX_ON_ONE_LINE = 72;

const COLORS = { add: "32", remove: "31", replace: "33" } as const;
const MARKS = { add: "+", remove: "-", replace: "~" } as const;

/**
 * A difference for a person: how many values differ, and each with its path, its old and its new value. What others wrote is escaped, and
 * stays on its line.
 */
export function formatDifference(difference: BundleDifference | undefined, color: boolean): string {
  const { changes = [], changesTotal = 0, truncated = false } = difference ?? {};
  if (changesTotal === 0) return "no difference\n";
  const count = `${changesTotal} ${changesTotal === 1 ? "change" : "changes"}`;
  const more = truncated ? `… and ${changesTotal - changes.length} more\n` : "";
  return `${count}\n${changes.map((change) => formatChange(change, color)).join("")}${more}`;
}

function formatChange(change: ValueChange, color: boolean): string {
  const op = change.op as keyof typeof MARKS;
  const path = printable(change.path === "" ? "(the whole document)" : change.path);
  const before = op === "add" ? undefined : shown(change.oldValue, change.oldExcerpt);
  const after = op === "remove" ? undefined : shown(change.newValue, change.newExcerpt);
  const head = `${MARKS[op]} ${path}`;
  const paint = (text: string, code: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  if (before === undefined || after === undefined) return `${paint(`${head}  ${before ?? after ?? ""}`, COLORS[op])}\n`;
  if (before.length + after.length <= MAX_ON_ONE_LINE)
    return `${paint(`${head}  ${before} -> ${after}`, COLORS.replace)}\n`;
  const lines = [paint(head, COLORS.replace), paint(`  - ${before}`, COLORS.remove), paint(`  + ${after}`, COLORS.add)];
  return lines.map((text) => `${text}\n`).join("");
}

function shown(value: string | undefined, excerpt: string | undefined): string {
  return printable(excerpt === undefined ? (value ?? "") : `${excerpt}…`);
}
