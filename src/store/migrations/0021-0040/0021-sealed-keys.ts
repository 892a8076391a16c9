import type { Kysely, Migration } from "kysely";

/** The server's keys for several nodes, encrypted; empty where they are files of the data directory. */
export const sealedKeys: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("sealed_keys")
      .addColumn("slot", "text", (c) => c.primaryKey().notNull())
      .addColumn("key_id", "text", (c) => c.notNull())
      .addColumn("sealed", "text", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .execute();
  },
};
