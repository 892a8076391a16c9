import { randomUUID } from "node:crypto";
import type { Kysely, Migration } from "kysely";

/**
 * The database counts its commits and knows who writes to it, so that a start can tell an older copy from it, and a process that
 * another one has replaced it. An environment knows how many sequences were left out when history was lost.
 */
export const commitHead: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("commit_head")
      .addColumn("database_id", "text", (column) => column.primaryKey())
      .addColumn("run", "text")
      .addColumn("commits", "integer", (column) => column.notNull())
      .execute();
    await (db as Kysely<{ commit_head: { database_id: string; run: string | null; commits: number } }>)
      .insertInto("commit_head")
      .values({ database_id: randomUUID(), run: null, commits: 0 })
      .execute();
    await db.schema
      .alterTable("environments")
      .addColumn("skipped_sequences", "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  },
};
