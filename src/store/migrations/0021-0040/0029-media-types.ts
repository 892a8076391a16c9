import type { Kysely, Migration } from "kysely";

/** The media type of policies. Whatever a database has before this step is JSON, and so is what the release before keeps after it. */
export const mediaTypes: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ["bundles", "deployments", "releases"]) {
      await db.schema
        .alterTable(table)
        .addColumn("media_type", "text", (c) => c.notNull().defaultTo("application/json"))
        .execute();
    }
  },
};
