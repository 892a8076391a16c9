import type { Kysely, Migration } from "kysely";
import type { MigrationDialect } from "../dialect.js";

/** The log by which nodes of one database hear of each other's changes (store/postgres/change-log.ts). One process alone keeps none. */
export function nodeChanges(dialect: MigrationDialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("node_changes")
        .addColumn("number", "integer", (c) => dialect.countingId(c))
        .addColumn("origin", "text", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("ref", "text", (c) => c.notNull())
        .execute();
    },
  };
}
