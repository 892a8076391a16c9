import type { Kysely, Migration } from "kysely";

/** What is active in an environment can be held until it is released. */
export const holds: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("environments").addColumn("hold", "text").execute();
  },
};
