import type { Kysely, Migration } from "kysely";

/** Activations of all environments of a project by time; the index has all that a filter asks for, so that a search reads no other row. */
export const deploymentSearch: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex("deployments_by_project_id_at")
      .on("deployments")
      .columns(["project_id", "at", "sequence", "environment_id", "kind", "actor"])
      .execute();
  },
};
