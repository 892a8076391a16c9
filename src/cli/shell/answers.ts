import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { formatMessage, formatMessages } from "../../sdk/index.js";
import { wholeNumber } from "./numbers.js";
import type { Shell } from "./shell.js";
import { formatFacts, formatTable, type Column, type Fact } from "./table.js";

type Message = Parameters<typeof formatMessage>[0];

/** A list: a table, or a JSON array of messages. */
export function answerRows<T extends Message>(shell: Shell, rows: readonly T[], columns: readonly Column<T>[]): void {
  shell.answer(
    () => formatMessages(rows),
    () => formatTable(rows, columns, shell.tableStyle),
  );
}

/** One row of a list, for example a new one: a table, or one JSON object. */
export function answerRow<T extends Message>(shell: Shell, row: T, columns: readonly Column<T>[]): void {
  shell.answer(
    () => formatMessage(row),
    () => formatTable([row], columns, shell.tableStyle),
  );
}

/** One message: names and values, or one JSON object. */
export function answerFacts(shell: Shell, message: Message, facts: readonly Fact[]): void {
  shell.answer(
    () => formatMessage(message),
    () => formatFacts(facts),
  );
}

/** A change whose response is empty: `deleted webhook 0b0c…`, or `{"deleted": "0b0c…"}`. */
export function answerChange(shell: Shell, verb: string, noun: string, id: string | number, detail = ""): void {
  shell.answer(
    () => JSON.stringify({ [verb]: id }),
    () => line`${verb} ${noun} ${id}${detail}\n`,
  );
}

/** The options of a list that is answered in pages. */
export interface PageOptions {
  readonly limit: number;
  readonly offset: number;
}

/** Adds `--limit` and `--offset` (PageOptions). */
export function withPage(command: Command): Command {
  return command
    .option("--limit <count>", "show at most this many, up to 100", wholeNumber(1, 100), 25)
    .option("--offset <count>", "skip this many", wholeNumber(0), 0);
}

/** A page of a list: a table and on standard error whether there is more, or the response as JSON. */
export function answerPage<T>(
  shell: Shell,
  page: Message & { readonly data: readonly T[]; readonly total: number },
  offset: number,
  columns: readonly Column<T>[],
): void {
  shell.answer(
    () => formatMessage(page),
    () => formatTable(page.data, columns, shell.tableStyle),
  );
  noticeMore(shell, offset + page.data.length, page.total, "--limit or --offset");
}

/** Call options that remember `X-Total-Count`, for lists whose response is a bare array. */
export function countingTotal(): { onHeader(header: Headers): void; total(): number | undefined } {
  let text: string | null = null;
  return {
    onHeader(header) {
      text = header.get("X-Total-Count");
    },
    total: () => (text === null ? undefined : Number(text)),
  };
}

/** Says on standard error that there are more rows than were shown, and which option shows them. Nothing with `--json`. */
export function noticeMore(shell: Shell, shown: number, total: number | undefined, option: string): void {
  if (shell.json || total === undefined || shown >= total) return;
  shell.notice(`${shown} of ${total}; more with ${option}`);
}
