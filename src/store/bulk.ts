import type { NamedTable } from "./tables.js";

/** A value of a column: instants, lists and records are texts, flags are 0 and 1. */
export type Cell = string | number | null;

/** Some rows of a table: the cells of each in the order of the columns that were asked for. */
export type Rows = readonly (readonly Cell[])[];

/** The most rows of a batch. */
export const MAX_BATCH_ROWS = 1_000;
/** A batch ends with the row that reaches so many characters: one document may be larger than all other rows together. */
export const MAX_BATCH_LENGTH = 4 * 1024 * 1024;

/** All rows of a database, past the queries of its store: for moving it, while nobody else uses it. */
export interface BulkSource {
  /** The columns of a table by name, without generated ones. */
  columns(table: string): Promise<readonly string[]>;
  count(table: string): Promise<number>;
  /** The rows by key, texts in the order of their bytes. One table at a time. */
  batches(table: NamedTable, columns: readonly string[]): AsyncIterable<Rows>;
  /** The highest number that a counting column was ever given; 0 for none. */
  lastNumber(table: string, column: string): Promise<number>;
}

/** A database that gets the rows of another one. */
export interface BulkTarget extends BulkSource {
  insert(table: string, columns: readonly string[], rows: Rows): Promise<void>;
  /** Numbers of a counting column go on above this one. */
  setLastNumber(table: string, column: string, number: number): Promise<void>;
}
