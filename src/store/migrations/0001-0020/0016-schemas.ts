import type { Kysely, Migration } from "kysely";

/** A project may demand a JSON Schema of its policies: one row for each that does. */
export const schemas: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("policy_schemas")
      .addColumn("project_id", "text", (column) => column.primaryKey().references("projects.id"))
      .addColumn("org_id", "text", (column) => column.notNull())
      .addColumn("hash", "text", (column) => column.notNull())
      .addColumn("text", "text", (column) => column.notNull())
      .addColumn("updated_by", "text", (column) => column.notNull())
      .addColumn("updated_at", "text", (column) => column.notNull())
      .execute();
  },
};
