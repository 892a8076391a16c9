import type { Kysely, Migration } from "kysely";

/** The server processes of a shared database: each writes its own row every few seconds. */
export const nodes: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("nodes")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("name", "text", (column) => column.notNull())
      .addColumn("version", "text", (column) => column.notNull())
      .addColumn("url", "text")
      .addColumn("started_at", "text", (column) => column.notNull())
      .addColumn("seen_at", "text", (column) => column.notNull())
      .addColumn("streams", "integer", (column) => column.notNull())
      .addColumn("polls", "integer", (column) => column.notNull())
      .addColumn("schema", "text", (column) => column.notNull())
      .addColumn("lag_ms", "integer")
      .addColumn("problem", "text")
      .addColumn("stopping_at", "text")
      .execute();
  },
};
