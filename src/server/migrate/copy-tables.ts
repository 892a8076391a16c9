import { AppError } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { BulkSource, BulkTarget, Rows } from "../../store/bulk.js";
import { TableDigest } from "../../store/table-digest.js";
import { MOVED_TABLES, type NamedTable } from "../../store/tables.js";
import type { MoveProgress, MoveWatch } from "./progress.js";

/** What a table has. */
export interface TableSum {
  readonly name: string;
  readonly rows: number;
  /** TableDigest of its rows by key. */
  readonly sha256: string;
  /** BulkSource.lastNumber; null for a table that counts nothing. */
  readonly lastNumber: number | null;
}

/**
 * Copies all rows of all tables, batch by batch, into empty tables, and returns what was read. Throws `data_loss` when the schemas differ,
 * and what reading and inserting throw.
 */
export async function copyTables(
  source: BulkSource,
  target: BulkTarget,
  watch: MoveWatch,
): Promise<readonly TableSum[]> {
  return await sumTables(source, "copying", watch, {
    begin: async ({ name }, columns) => {
      const found = await target.columns(name);
      if (found.join() === columns.join()) return;
      throw new AppError("internal", `the columns of ${name} differ between the two databases`);
    },
    batch: ({ name }, columns, rows) => target.insert(name, columns, rows),
    end: async ({ name, counts }, { lastNumber }) => {
      if (counts !== undefined) await target.setLastNumber(name, counts, lastNumber ?? 0);
    },
  });
}

/** Reads all rows again and throws `data_loss`, naming the table, unless they are the ones that were copied. */
export async function compareTables(target: BulkSource, copied: readonly TableSum[], watch: MoveWatch): Promise<void> {
  const found = await readTables(target, watch);
  const wrong = differing(copied, found);
  if (wrong === null) return;
  const [expected, is] = [copied, found].map((sums) => sums.find(({ name }) => name === wrong));
  throw new AppError(
    "data_loss",
    `the copy of ${wrong} is not what was read: ${expected?.rows ?? 0} rows were read, ${is?.rows ?? 0} are there`,
  );
}

/** What all tables have. */
export async function readTables(source: BulkSource, watch: MoveWatch): Promise<readonly TableSum[]> {
  return await sumTables(source, "comparing", watch, {});
}

/** The first table in which two databases differ; null for none. */
export function differing(these: readonly TableSum[], those: readonly TableSum[]): string | null {
  const other = new Map(those.map((sum) => [sum.name, sum]));
  const isSame = (sum: TableSum) => {
    const { rows, sha256, lastNumber } = other.get(sum.name) ?? {};
    return rows === sum.rows && sha256 === sum.sha256 && lastNumber === sum.lastNumber;
  };
  return these.find((sum) => !isSame(sum))?.name ?? null;
}

interface Steps {
  readonly begin?: (table: NamedTable, columns: readonly string[]) => Promise<void>;
  readonly batch?: (table: NamedTable, columns: readonly string[], rows: Rows) => Promise<void>;
  readonly end?: (table: NamedTable, sum: TableSum) => Promise<void>;
}

async function sumTables(
  source: BulkSource,
  step: MoveProgress["step"],
  { onProgress, signal }: MoveWatch,
  { begin, batch, end }: Steps,
): Promise<readonly TableSum[]> {
  const sums: TableSum[] = [];
  for (const [index, table] of MOVED_TABLES.entries()) {
    signal.throwIfAborted();
    const columns = await source.columns(table.name);
    const total = await source.count(table.name);
    await begin?.(table, columns);
    const digest = new TableDigest();
    const tell = () =>
      onProgress({
        ...{ step, table: table.name, place: index + 1, places: MOVED_TABLES.length },
        ...{ done: digest.rows, total },
      });
    // The database takes a batch while the next one is read.
    let inserted: Promise<void> = Promise.resolve();
    try {
      for await (const rows of source.batches(table, columns)) {
        signal.throwIfAborted();
        digest.add(rows);
        await inserted;
        inserted = batch?.(table, columns, rows) ?? inserted;
        inserted.catch(() => undefined);
        tell();
        await nextTurn();
      }
    } finally {
      await inserted;
    }
    const lastNumber = table.counts === undefined ? null : await source.lastNumber(table.name, table.counts);
    const sum = { name: table.name, rows: digest.rows, sha256: digest.end(), lastNumber };
    await end?.(table, sum);
    tell();
    sums.push(sum);
  }
  return sums;
}
