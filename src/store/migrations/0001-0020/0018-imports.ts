import type { Kysely, Migration } from "kysely";

/** The sites that an organization trusts, and the origins of imported bundles. */
export const imports: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("trusted_origins")
      .addColumn("id", "text", (c) => c.primaryKey().notNull())
      .addColumn("org_id", "text", (c) => c.notNull().references("organizations.id"))
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("keys", "text", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("created_by", "text", (c) => c.notNull())
      .addUniqueConstraint("trusted_origins_name", ["org_id", "name"])
      .execute();
    await db.schema
      .createTable("bundle_imports")
      .addColumn("bundle_id", "text", (c) => c.primaryKey().notNull().references("bundles.id").onDelete("cascade"))
      .addColumn("environment_id", "text", (c) => c.notNull())
      .addColumn("document_sha256", "text", (c) => c.notNull())
      .addColumn("origin_name", "text", (c) => c.notNull())
      .addColumn("key_id", "text", (c) => c.notNull())
      .addColumn("provenance", "text", (c) => c.notNull())
      .addColumn("document", "text", (c) => c.notNull())
      .addColumn("policies", "text")
      .addColumn("scope_policies", "text")
      .addColumn("imported_at", "text", (c) => c.notNull())
      .addColumn("imported_by", "text", (c) => c.notNull())
      // One document is one bundle of an environment, however often it is imported.
      .addUniqueConstraint("bundle_imports_document", ["environment_id", "document_sha256"])
      .execute();
  },
};
