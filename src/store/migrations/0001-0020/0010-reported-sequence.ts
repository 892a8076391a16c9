import type { Kysely, Migration } from "kysely";

/** What an instance's state is about, also when it rejected: a late report of an older sequence does not replace it. */
export const reportedSequence: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("instances").addColumn("reported_sequence", "integer").execute();
  },
};
