import { sql, type Kysely, type Migration } from "kysely";

/** What keeps its cost while the history grows: how many bundles an environment keeps is a number beside it, not a count. */
export function history(): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await db.schema
        .alterTable("environments")
        .addColumn("kept_versions", "integer", (c) => c.notNull().defaultTo(0))
        .execute();
      await sql`
        update environments
        set kept_versions = (select count(*) from bundles where bundles.environment_id = environments.id)`.execute(db);
    },
  };
}
