import type { ColumnDefinitionBuilder, Kysely, RawBuilder } from "kysely";

/** What a migration needs that databases write in ways of their own. */
export interface MigrationDialect {
  /** Whether a foreign key may name a table that is made later; otherwise it is added then. */
  readonly namesLaterTables: boolean;
  /** The integer primary key that the database counts up; a number is never given twice, not even after its row was deleted. */
  countingId(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** Makes every `operation` on rows of `table` fail from now on. Deletions by a foreign key's cascade count as deletions. */
  refuse(db: Kysely<unknown>, table: string, operation: "update" | "delete"): Promise<void>;
  /** A text of the JSON object in `column`, by its key; null when it has none. */
  jsonText(column: string, key: string): RawBuilder<string | null>;
  /** Makes every update of `table` fail that would lower `column`. */
  refuseDecrease(db: Kysely<unknown>, table: string, column: string): Promise<void>;
}
