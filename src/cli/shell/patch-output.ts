import { printable } from "../../core/printable.js";
import { parseExactJson, printExactJson } from "../../bundle/exact-json.js";
import type { Shell } from "./shell.js";

/** One operation of a JSON Patch (RFC 6902). */
interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

const MARKS: Readonly<Record<string, readonly [mark: string, color: string]>> = {
  add: ["+", "32"],
  remove: ["-", "31"],
  replace: ["~", "33"],
};

/** A JSON Patch: a line for each operation, or its text as it came. */
export function answerPatch(shell: Shell, patch: string): void {
  shell.answer(
    () => patch,
    () => formatPatch(patch, shell.color),
  );
}

function formatPatch(text: string, color: boolean): string {
  const patch = parseExactJson(text) as unknown as readonly Operation[];
  if (patch.length === 0) return "no difference\n";
  return patch
    .map(({ op, path, from, value }) => {
      const [mark, code] = MARKS[op] ?? [op, "0"];
      const detail = from ?? (value === undefined ? "" : printExactJson(value));
      const line = printable(`${mark} ${path === "" ? "(the whole document)" : path} ${detail}`.trimEnd());
      return color ? `\u001b[${code}m${line}\u001b[0m\n` : `${line}\n`;
    })
    .join("");
}
