import type { Kysely, Migration } from "kysely";

/** Webhooks that do not keep up have a cursor in the outbox instead of a delivery for each event. */
export const webhookPlaces: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("webhooks").addColumn("behind_after", "integer").execute();
    await db.schema
      .createIndex("webhooks_by_org_id_is_active_behind_after")
      .on("webhooks")
      .columns(["org_id", "is_active", "behind_after"])
      .execute();
  },
};
