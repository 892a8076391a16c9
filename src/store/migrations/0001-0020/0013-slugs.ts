import { sql, type Kysely, type Migration } from "kysely";

/**
 * Organizations and projects are looked up by slug and name. From here on the slugs of organizations differ: where several have the same
 * one, the oldest keeps it and the others get their id behind it.
 */
export const slugs: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      update organizations
      set slug = substr(slug, 1, 26) || '-' || id
      where id in (
        select id
        from (
          select id, row_number() over (partition by slug order by created_at, id) as place from organizations
        ) as places
        where place > 1
      )`.execute(db);
    await db.schema.createIndex("organizations_by_slug").unique().on("organizations").column("slug").execute();
    await db.schema.createIndex("organizations_by_name").on("organizations").column("name").execute();
    await db.schema.createIndex("projects_by_org_id_name").on("projects").columns(["org_id", "name"]).execute();
  },
};
