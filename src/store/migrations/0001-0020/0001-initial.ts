import type { CreateTableBuilder, Kysely, Migration } from "kysely";
import type { MigrationDialect } from "../dialect.js";

/** Everything the first release keeps. */
export function initial(dialect: MigrationDialect): Migration {
  return {
    async up(db: Kysely<unknown>) {
      await createTenancy(db, dialect);
      await createBundles(db);
      if (!dialect.namesLaterTables) await addActivePointers(db);
      await createTokens(db, dialect);
      await createRecords(db);
      for (const table of ["bundles", "contents", "deployments", "audit_events"]) {
        await dialect.refuse(db, table, "update");
      }
      await dialect.refuse(db, "audit_events", "delete");
      await dialect.refuseDecrease(db, "environments", "last_version");
      await dialect.refuseDecrease(db, "environments", "sequence");
    },
  };
}

/**
 * Looked at when the transaction commits: the pointer and its bundle may be written in any order, and an environment can be deleted with its
 * active bundle, but no commit leaves a pointer to a deleted bundle.
 */
const ACTIVE_POINTERS = [
  { name: "environments_active_bundle", column: "active_bundle_id", table: "bundles" },
  { name: "environments_active_deployment", column: "active_deployment_id", table: "deployments" },
] as const;

async function addActivePointers(db: Kysely<unknown>): Promise<void> {
  for (const { name, column, table } of ACTIVE_POINTERS) {
    await db.schema
      .alterTable("environments")
      .addForeignKeyConstraint(name, [column], table, ["id"], (fk) => fk.deferrable().initiallyDeferred())
      .execute();
  }
}

async function createTenancy(db: Kysely<unknown>, dialect: MigrationDialect): Promise<void> {
  await withText(db.schema.createTable("organizations"), ["name", "slug", "plan", "created_at"])
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("industry", "text")
    .addColumn("company_size", "text")
    .addColumn("versions_per_environment", "integer")
    .addColumn("is_operator", "integer", (c) => c.notNull())
    .execute();
  await index(db, "organizations", ["created_at", "id"]);
  await index(db, "organizations", ["is_operator"]);

  await withText(db.schema.createTable("projects"), ["name", "slug", "created_at"])
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("org_id", "text", (c) => c.notNull().references("organizations.id"))
    .addUniqueConstraint("projects_slug", ["org_id", "slug"])
    .execute();
  await index(db, "projects", ["org_id", "created_at", "id"]);

  const environments = withText(db.schema.createTable("environments"), ["org_id", "name", "created_at"])
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("project_id", "text", (c) => c.notNull().references("projects.id").onDelete("cascade"))
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("promotes_to", "text")
    .addColumn("last_version", "integer", (c) => c.notNull())
    .addColumn("sequence", "integer", (c) => c.notNull())
    .addColumn("active_bundle_id", "text")
    .addColumn("active_deployment_id", "text")
    .addUniqueConstraint("environments_name", ["project_id", "name"]);
  // SQLite can add no foreign key later, and PostgreSQL can name no table that comes later.
  const pointers = dialect.namesLaterTables ? ACTIVE_POINTERS : [];
  await pointers
    .reduce(
      (built, { name, column, table }) =>
        built.addForeignKeyConstraint(name, [column], table, ["id"], (fk) => fk.deferrable().initiallyDeferred()),
      environments,
    )
    .execute();
  await index(db, "environments", ["active_bundle_id"]);
  await index(db, "environments", ["active_deployment_id"]);
}

async function createBundles(db: Kysely<unknown>): Promise<void> {
  await withText(db.schema.createTable("contents"), ["policies", "scope_policies"])
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .execute();

  const bundleText = ["org_id", "project_id", "environment", "policy_hash", "published_at", "labels", "origin"];
  await withText(db.schema.createTable("bundles"), [...bundleText, "signature", "signature_v2", "key_id"])
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("environment_id", "text", (c) => c.notNull().references("environments.id").onDelete("cascade"))
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("content_id", "text", (c) => c.notNull())
    .addColumn("published_by", "text")
    .addColumn("title", "text")
    .addColumn("description", "text")
    .addColumn("source", "text")
    .addUniqueConstraint("bundles_version", ["environment_id", "version"])
    // Deferred, since the content of many bundles is deleted just before they are.
    .addForeignKeyConstraint("bundles_content", ["content_id"], "contents", ["id"], (fk) =>
      fk.deferrable().initiallyDeferred(),
    )
    .execute();
  await index(db, "bundles", ["content_id", "environment_id"]);

  const deploymentText = ["org_id", "project_id", "environment", "bundle_id", "policy_hash", "kind", "actor", "at"];
  await withText(db.schema.createTable("deployments"), deploymentText)
    .addColumn("id", "text", (c) => c.primaryKey().notNull())
    .addColumn("environment_id", "text", (c) => c.notNull().references("environments.id").onDelete("cascade"))
    .addColumn("sequence", "integer", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("from_version", "integer")
    .addUniqueConstraint("deployments_sequence", ["environment_id", "sequence"])
    .execute();
  await index(db, "deployments", ["bundle_id", "sequence"]);
  await index(db, "deployments", ["environment_id", "policy_hash", "sequence"]);
}

async function createTokens(db: Kysely<unknown>, dialect: MigrationDialect): Promise<void> {
  await withText(db.schema.createTable("tokens"), ["key_type", "key_prefix", "environments", "hash", "created_at"])
    .addColumn("id", "integer", (c) => dialect.countingId(c))
    .addColumn("org_id", "text", (c) => c.notNull().references("organizations.id"))
    .addColumn("project_id", "text", (c) => c.references("projects.id").onDelete("cascade"))
    .addColumn("environment_id", "text", (c) => c.references("environments.id").onDelete("cascade"))
    .addColumn("name", "text")
    .addColumn("previous_hash", "text")
    .addColumn("previous_expires_at", "text")
    .addColumn("expires_at", "text")
    .addColumn("revoked_at", "text")
    .addColumn("last_used_at", "text")
    .addUniqueConstraint("tokens_hash", ["hash"])
    .execute();
  await index(db, "tokens", ["previous_hash"]);
  await index(db, "tokens", ["org_id", "id"]);
  await index(db, "tokens", ["project_id", "id"]);
  await index(db, "tokens", ["environment_id", "id"]);

  await withText(db.schema.createTable("instances"), ["instance_id", "key_prefix", "state", "labels", "last_seen"])
    .addColumn("environment_id", "text", (c) => c.notNull().references("environments.id").onDelete("cascade"))
    .addColumn("token_id", "integer", (c) => c.notNull().references("tokens.id").onDelete("cascade"))
    .addColumn("applied_sequence", "integer")
    .addColumn("applied_version", "integer")
    .addColumn("reason", "text")
    .addColumn("agent", "text")
    .addPrimaryKeyConstraint("instances_pk", ["environment_id", "token_id", "instance_id"])
    .execute();
  await index(db, "instances", ["environment_id", "last_seen", "instance_id"]);
  await index(db, "instances", ["token_id", "last_seen", "instance_id"]);

  await withText(db.schema.createTable("idempotent_answers"), [
    "operation",
    "key",
    "request_hash",
    "answer",
    "created_at",
  ])
    .addColumn("token_id", "integer", (c) => c.notNull().references("tokens.id").onDelete("cascade"))
    .addPrimaryKeyConstraint("idempotent_answers_pk", ["token_id", "operation", "key"])
    .execute();
  await index(db, "idempotent_answers", ["created_at"]);
}

async function createRecords(db: Kysely<unknown>): Promise<void> {
  const what = ["actor", "action", "resource_type", "resource_id", "metadata", "created_at"];
  await withText(db.schema.createTable("audit_events"), ["org_id", ...what, "signature", "prev_signature", "key_id"])
    .addColumn("id", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("audit_events_pk", ["org_id", "id"])
    .execute();
  for (const filter of ["actor", "action", "resource_type", "resource_id", "created_at"]) {
    await index(db, "audit_events", ["org_id", filter, "id"]);
  }

  await withText(db.schema.createTable("public_keys"), ["purpose", "public_key_pem", "created_at"])
    .addColumn("key_id", "text", (c) => c.primaryKey().notNull())
    .execute();
}

/** Adds columns of text that is never absent, as most columns are. */
function withText(table: CreateTableBuilder<string>, columns: readonly string[]): CreateTableBuilder<string, string> {
  return columns.reduce<CreateTableBuilder<string, string>>(
    (built, column) => built.addColumn(column, "text", (c) => c.notNull()),
    table,
  );
}

async function index(db: Kysely<unknown>, table: string, columns: string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join("_")}`)
    .on(table)
    .columns(columns)
    .execute();
}
