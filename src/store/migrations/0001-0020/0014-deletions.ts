import type { Kysely, Migration } from "kysely";

/**
 * A project, an environment or a webhook is marked when it is deleted; its rows go afterwards, in steps. The indexes hold what is
 * marked alone.
 */
export const deletions: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ["projects", "environments", "webhooks"]) {
      await db.schema.alterTable(table).addColumn("deleted_at", "text").execute();
      await db.schema
        .createIndex(`${table}_by_deleted_at`)
        .on(table)
        .column("deleted_at")
        .where("deleted_at", "is not", null)
        .execute();
    }
  },
};
