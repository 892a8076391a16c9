import type { Kysely, Migration } from "kysely";

/**
 * Environments can be protected from deletion: those that are there are not. What a deleted environment leaves is kept until its project
 * is deleted, so that the next one of that name gives no number again.
 */
export const protection: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable("environments")
      .addColumn("protected", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
    // Viewers are made with it; no token that is there is one.
    await db.schema
      .alterTable("tokens")
      .addColumn("reads_audit", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
    // Organizations are deleted in steps, as projects are.
    await db.schema.alterTable("organizations").addColumn("deleted_at", "text").execute();
    await db.schema
      .createIndex("organizations_by_deleted_at")
      .on("organizations")
      .column("deleted_at")
      .where("deleted_at", "is not", null)
      .execute();
    await db.schema
      .createTable("former_environments")
      .addColumn("project_id", "text", (c) => c.notNull().references("projects.id").onDelete("cascade"))
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("sequence", "integer", (c) => c.notNull())
      .addColumn("last_version", "integer", (c) => c.notNull())
      .addColumn("last_published_at", "text")
      .addColumn("promotes_to", "text")
      .addColumn("promoted_from", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("former_environments_key", ["project_id", "name"])
      .execute();
  },
};
