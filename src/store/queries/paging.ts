import type { SelectQueryBuilder } from "kysely";
import type { Schema } from "../schema.js";

/** What the rows of a page are together at most, as JSON: below the 4 MiB that gRPC clients take unless told otherwise. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** Rows that are read at once: the largest have some 100 KB. */
const PORTION = 50;

/**
 * The rows of a page, read in portions until they are as many as asked for, or as large as a page may be: a page may be shorter, but has
 * a row when there is one.
 *
 * @param read the next rows, at most `count`, after those that are there.
 */
export async function boundedPage<T>(
  limit: number,
  read: (count: number, rows: readonly T[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const rows: T[] = [];
  let bytes = 0;
  for (;;) {
    const count = Math.min(PORTION, limit - rows.length);
    const portion = count === 0 ? [] : await read(count, rows);
    for (const row of portion) {
      bytes += Buffer.byteLength(JSON.stringify(row));
      if (bytes > MAX_PAGE_BYTES && rows.length > 0) return rows;
      rows.push(row);
    }
    if (portion.length < count || rows.length === limit) return rows;
  }
}

/** How many rows a query matches. A database server may answer in text, since its counts are wider than a number. */
export async function countRows<Table extends keyof Schema, O>(
  query: SelectQueryBuilder<Schema, Table, O>,
): Promise<number> {
  const { total } = await query
    .clearSelect()
    .select((eb) => eb.fn.countAll<number | string>().as("total"))
    .executeTakeFirstOrThrow();
  return Number(total);
}
