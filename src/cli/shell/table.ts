import { printable } from "../../core/printable.js";
import { timestampDate } from "../../sdk/index.js";

/** What a table can show; null, undefined and the empty text are `-`, true and false are yes and no. */
export type Cell = string | number | boolean | null | undefined;

/** A column: its title, and a row's value. */
export type Column<T> = readonly [title: string, cell: (row: T) => Cell];

/** A name and its value. */
export type Fact = readonly [name: string, value: Cell];

/** Shown for a missing value. */
const NOTHING = "-";

/** Rows as aligned columns under their titles. Control characters are escaped; `bold` marks the titles for a terminal. */
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

/** Names and values, aligned, one pair to a line. */
export function formatFacts(facts: readonly Fact[]): string {
  const shown = facts.map(([name, value]) => [printable(name), formatCell(value)] as const);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

function formatCell(value: Cell): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return printable(String(value));
}

/** A time for a person: `2026-04-22 12:00:00Z`; undefined stays undefined. */
export function formatTime(time: Parameters<typeof timestampDate>[0] | undefined): string | undefined {
  return time && `${timestampDate(time).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
