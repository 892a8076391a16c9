import type { Kysely, Migration } from "kysely";

/** Browsers that are signed in to the console; they go with their token. */
export const consoleSessions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("console_sessions")
      .addColumn("hash", "text", (c) => c.primaryKey())
      .addColumn("token_id", "integer", (c) => c.notNull().references("tokens.id").onDelete("cascade"))
      .addColumn("key_hash", "text", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("seen_at", "text", (c) => c.notNull())
      .addColumn("ends_at", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex("console_sessions_by_token")
      .on("console_sessions")
      .columns(["token_id", "seen_at"])
      .execute();
    await db.schema.createIndex("console_sessions_by_end").on("console_sessions").column("ends_at").execute();
  },
};
