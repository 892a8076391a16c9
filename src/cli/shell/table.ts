import { printable } from "../../core/printable.js";
import { timestampDate } from "../../sdk/index.js";

/** A column: its title, and what a row shows in it. */
export type Column<T> = readonly [title: string, cell: (row: T) => string | number | boolean | null | undefined];

/** What a person sees for a value that is not there. */
const NOTHING = "-";

/** Rows as aligned columns, each line with a line break. Control characters are made visible. */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[], bold = false): string {
  const titles = columns.map(([title]) => title);
  const cells = rows.map((row) => columns.map(([, cell]) => formatCell(cell(row))));
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  const head = bold ? `\u001b[1m${line(titles)}\u001b[0m` : line(titles);
  return [head, ...cells.map(line)].map((text) => `${text}\n`).join("");
}

/** Names and values, one pair in each line. */
export function formatFacts(
  facts: readonly (readonly [name: string, value: Parameters<typeof formatCell>[0]])[],
): string {
  const shown = facts.map(([name, value]) => [printable(name), formatCell(value)] as const);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

function formatCell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return printable(String(value));
}

/** A time for a person: UTC, to the second; undefined stays. */
export function formatTime(time: Parameters<typeof timestampDate>[0] | undefined): string | undefined {
  return time && `${timestampDate(time).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
