import type { Kysely, Migration } from "kysely";

/**
 * Roots and releases of projects, the attestations of activations, and what an attestation says of a bundle. Bundles of before have
 * neither digest nor size.
 */
export const trust: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("bundles").addColumn("document_sha256", "text").execute();
    await db.schema.alterTable("bundles").addColumn("content_size", "integer").execute();
    await db.schema
      .createTable("activation_attestations")
      .addColumn("deployment_id", "text", (c) =>
        c.primaryKey().notNull().references("deployments.id").onDelete("cascade"),
      )
      .addColumn("envelope", "text", (c) => c.notNull())
      .addColumn("digest", "text", (c) => c.notNull())
      .addColumn("release_digest", "text")
      .addColumn("release_number", "integer")
      .addColumn("key_id", "text", (c) => c.notNull())
      .addColumn("attested_at", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("trust_roots")
      .addColumn("project_id", "text", (c) => c.notNull().references("projects.id").onDelete("cascade"))
      .addColumn("version", "integer", (c) => c.notNull())
      .addColumn("envelope", "text", (c) => c.notNull())
      .addColumn("digest", "text", (c) => c.notNull())
      .addColumn("expires_at", "text", (c) => c.notNull())
      .addColumn("published_at", "text", (c) => c.notNull())
      .addColumn("published_by", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("trust_roots_key", ["project_id", "version"])
      .execute();
    await db.schema
      .createTable("releases")
      .addColumn("project_id", "text", (c) => c.notNull().references("projects.id").onDelete("cascade"))
      .addColumn("digest", "text", (c) => c.notNull())
      .addColumn("envelope", "text", (c) => c.notNull())
      .addColumn("number", "integer", (c) => c.notNull())
      .addColumn("expires_at", "text")
      .addColumn("uploaded_at", "text", (c) => c.notNull())
      .addColumn("uploaded_by", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("releases_key", ["project_id", "digest"])
      .execute();
    await db.schema
      .createIndex("releases_by_project_id_number")
      .on("releases")
      .columns(["project_id", "number", "digest"])
      .execute();
    await db.schema
      .createTable("release_subjects")
      .addColumn("project_id", "text", (c) => c.notNull())
      .addColumn("environment", "text", (c) => c.notNull())
      .addColumn("content_sha256", "text", (c) => c.notNull())
      .addColumn("digest", "text", (c) => c.notNull())
      .addColumn("number", "integer", (c) => c.notNull())
      .addPrimaryKeyConstraint("release_subjects_key", ["project_id", "environment", "content_sha256", "digest"])
      .addForeignKeyConstraint(
        "release_subjects_release",
        ["project_id", "digest"],
        "releases",
        ["project_id", "digest"],
        (c) => c.onDelete("cascade"),
      )
      .execute();
    await db.schema
      .createIndex("release_subjects_by_release")
      .on("release_subjects")
      .columns(["project_id", "digest"])
      .execute();
  },
};
