import { sql, type Kysely, type Migration } from "kysely";

/** Keys belong to organizations and environments, and are endorsed by the server's own. */
export const keyOwners: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable("public_keys")
      .addColumn("org_id", "text", (c) => c.references("organizations.id"))
      .execute();
    await db.schema
      .alterTable("public_keys")
      .addColumn("environment_id", "text", (c) => c.references("environments.id").onDelete("cascade"))
      .execute();
    for (const column of ["endorsed_by", "endorsement"]) {
      await db.schema.alterTable("public_keys").addColumn(column, "text").execute();
    }
    await db.schema.createIndex("public_keys_by_org_id").on("public_keys").column("org_id").execute();
    await db.schema.createIndex("public_keys_by_environment_id").on("public_keys").column("environment_id").execute();
    // Organizations that are there go on with the server's key, which their runtimes trust.
    await db.schema.alterTable("organizations").addColumn("own_keys_since", "text").execute();
    await db.schema
      .alterTable("environments")
      .addColumn("signing_key", "text", (c) => c.notNull().defaultTo("organization"))
      .execute();
    await db.schema.alterTable("environments").addColumn("last_published_at", "text").execute();
    await sql`
      update environments
      set last_published_at = (
        select published_at from bundles where bundles.environment_id = environments.id order by version desc limit 1
      )`.execute(db);
  },
};
