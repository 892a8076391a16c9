import type { SelectQueryBuilder } from "kysely";
import type { Schema } from "../schema.js";

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
