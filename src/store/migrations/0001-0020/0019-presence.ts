import { sql, type Kysely, type Migration } from "kysely";

/**
 * Which server process has a watch of an instance open, and until when the instance is live. What was seen before is live again when it
 * is seen again. The index has all that counts of a fleet need, so that they read no row, and none of what is long gone.
 */
export const presence: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("instances").addColumn("connection", "text").execute();
    await db.schema
      .alterTable("instances")
      .addColumn("live_until", "text", (c) => c.notNull().defaultTo(""))
      .execute();
    await sql`update instances set live_until = last_seen`.execute(db);
    await db.schema
      .createIndex("instances_by_presence")
      .on("instances")
      .columns([
        ...["environment_id", "live_until", "state", "applied_sequence", "applied_version"],
        ...["reported_sequence", "connection"],
      ])
      .execute();
  },
};
