import type { Kysely, Migration } from "kysely";

/**
 * Which node sends to a webhook, and which one runs a timed job, until when; one row for each. Only nodes that share a database write
 * them: one process alone claims nothing.
 */
export const claims: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("webhook_claims")
      .addColumn("webhook_id", "text", (c) => c.primaryKey().references("webhooks.id").onDelete("cascade"))
      .addColumn("claimed_by", "text", (c) => c.notNull())
      .addColumn("claimed_until", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex("webhook_claims_by_claimed_by")
      .on("webhook_claims")
      .columns(["claimed_by", "webhook_id"])
      .execute();
    await db.schema
      .createTable("timed_jobs")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("due_at", "text", (c) => c.notNull())
      .addColumn("claimed_by", "text")
      .addColumn("claimed_until", "text")
      .execute();
  },
};
