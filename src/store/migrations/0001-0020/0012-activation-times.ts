import type { Kysely, Migration } from "kysely";

/** Pruning looks for the first activation since an instant; times need not grow with the sequence when the clock was set back. */
export const activationTimes: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex("deployments_by_environment_id_at_sequence")
      .on("deployments")
      .columns(["environment_id", "at", "sequence"])
      .execute();
  },
};
