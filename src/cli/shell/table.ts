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
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${formatCell(value)}\n`).join("");
}

function formatCell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return printable(String(value));
}

/** A text without anything that a terminal would obey: names and titles come from other people. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
