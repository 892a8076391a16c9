import truncatedWidth from "fast-string-truncated-width";
import { printable } from "../../core/printable.js";
import { timestampDate, type Actor } from "../../sdk/index.js";

/** What a table can show; null, undefined and the empty text are `-`, true and false are yes and no. */
export type Cell = string | number | boolean | null | undefined;

/** A column: its title, and a row's value. */
export type Column<T> = readonly [title: string, cell: (row: T) => Cell];

/** A name and its value. */
export type Fact = readonly [name: string, value: Cell];

/** How a table looks. */
export interface TableStyle {
  /** Whether the titles are bold. */
  readonly bold: boolean;
  /** The most columns that a line takes; undefined for no limit. */
  readonly width: number | undefined;
}

/** Shown for a missing value. */
const NOTHING = "-";

const GAP = "  ";

/** The end of a cell that is cut; one column wide. */
const ELLIPSIS = "…";

/** A column is not cut below this; first below the first of the two, then, identifiers too, below the second. */
const LEAST_WIDTHS = [10, 4] as const;

/** Identifiers that a next command takes as an argument: cut last, since a part of them is of no use. */
const IDENTIFIER = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/**
 * Rows as aligned columns under their titles. Control characters are escaped. In a limited width the widest columns are cut, each cell
 * with an ellipsis; more columns than fit even so are not dropped, and the terminal wraps the line.
 */
export function formatTable<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  { bold, width }: TableStyle = { bold: false, width: undefined },
): string {
  const table = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, cell]) => formatCell(cell(row)))),
  ];
  const natural = columns.map((_, i) => Math.max(...table.map((row) => widthOf(row[i] ?? ""))));
  const isIdentifier = columns.map((_, i) => table.slice(1).some((row) => IDENTIFIER.test(row[i] ?? "")));
  const widths =
    width === undefined ? natural : shrink(natural, isIdentifier, width - GAP.length * (columns.length - 1));
  const lines = table.map((row) =>
    row
      .map((cell, i) => fit(cell, widths[i] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
  return lines.map((line, i) => (bold && i === 0 ? `\u001b[1m${line}\u001b[0m\n` : `${line}\n`)).join("");
}

/** Names and values, aligned, one pair to a line. */
export function formatFacts(facts: readonly Fact[]): string {
  const shown = facts.map(([name, value]) => [printable(name), formatCell(value)] as const);
  const width = Math.max(...shown.map(([name]) => widthOf(name)));
  return shown.map(([name, value]) => `${fit(name, width)}${GAP}${value}\n`).join("");
}

/** The widths when the columns share `room`: the widest give way first. */
function shrink(natural: readonly number[], isIdentifier: readonly boolean[], room: number): readonly number[] {
  let widths = natural;
  for (const least of LEAST_WIDTHS) {
    const isFixed = natural.map(
      (width, i) => width <= least || (least === LEAST_WIDTHS[0] && isIdentifier[i] === true),
    );
    for (let cap = Math.min(room, Math.max(...natural)); cap >= least && sum(widths) > room; cap -= 1) {
      widths = widths.map((width, i) => (isFixed[i] === true ? width : Math.min(width, cap)));
    }
    // The last step may take one column from several: gives back what is left.
    for (let left = room - sum(widths), i = 0; left > 0 && i < widths.length; i += 1) {
      if ((widths[i] ?? 0) >= (natural[i] ?? 0)) continue;
      widths = widths.with(i, (widths[i] ?? 0) + 1);
      left -= 1;
    }
  }
  return widths;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Columns that a text takes on a terminal: two for wide characters, none for combining ones. */
function widthOf(text: string): number {
  return truncatedWidth(text).width;
}

/** The text in exactly `width` columns, cut or padded. */
function fit(text: string, width: number): string {
  const shown = widthOf(text) > width ? `${cut(text, width - 1)}${ELLIPSIS}` : text;
  return shown + " ".repeat(Math.max(0, width - widthOf(shown)));
}

/** What is never cut through: an escape that `printable` wrote, and what a reader sees as one character. */
const ESCAPE = /(\\u[0-9a-f]{4})/;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The beginning of a text that takes at most `width` columns. */
function cut(text: string, width: number): string {
  let shown = "";
  let taken = 0;
  // No more than can be shown is looked at, however long the text is.
  const bounded = text.slice(0, 16 * (width + 1));
  for (const part of bounded.split(ESCAPE)) {
    const units = ESCAPE.test(part) ? [part] : Array.from(graphemes.segment(part), ({ segment }) => segment);
    for (const unit of units) {
      taken += widthOf(unit);
      if (taken > width) return shown;
      shown += unit;
    }
  }
  return shown;
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

/** Who did something, for a person: `deploy bot (signet_ci_Ab3dE6gH)`; the prefix alone of a token without a name. */
export function formatActor(actor: Pick<Actor, "name" | "prefix"> | undefined, prefix: string): string {
  return actor?.name === undefined ? prefix : `${actor.name} (${actor.prefix})`;
}
