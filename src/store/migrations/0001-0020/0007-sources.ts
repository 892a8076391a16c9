import { sql, type Kysely, type Migration } from "kysely";

/**
 * Where a change and a report came from. What an instance says of itself and what its HTTP client calls itself are two columns from
 * here on; which of them was kept before, nothing tells: the next report says it again.
 */
export const sources: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("audit_events").addColumn("source", "text").execute();
    await db.schema
      .createIndex("audit_events_by_org_id_source_id")
      .on("audit_events")
      .columns(["org_id", "source", "id"])
      .execute();
    await db.schema.alterTable("instances").addColumn("source", "text").execute();
    await db.schema.alterTable("instances").addColumn("user_agent", "text").execute();
    await sql`update instances set user_agent = agent, agent = null`.execute(db);
  },
};
