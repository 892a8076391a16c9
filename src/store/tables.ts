import type { Row, Schema } from "./schema.js";

/** A table whose rows go along when the data moves to another store. */
interface MovedTable<Name extends keyof Schema = keyof Schema> {
  /** The columns of its primary key, none of which is ever null. */
  readonly key: readonly (keyof Row<Name> & string)[];
  /** The column that the database counts up. */
  readonly counts?: keyof Row<Name> & string;
}

/** A table whose rows stay, with the reason. */
interface StayingTable {
  readonly stays: string;
}

/**
 * Every table of the schema, in an order in which each comes after those that it refers to; the active bundle of an environment is the
 * one exception (its foreign keys are deferred). The compiler asks for each new table.
 */
const TABLES: { readonly [Name in keyof Schema]: MovedTable<Name> | StayingTable } = {
  organizations: { key: ["id"] },
  projects: { key: ["id"] },
  environments: { key: ["id"] },
  former_environments: { key: ["project_id", "name"] },
  contents: { key: ["id"] },
  bundles: { key: ["id"] },
  deployments: { key: ["id"] },
  activation_attestations: { key: ["deployment_id"] },
  trust_roots: { key: ["project_id", "version"] },
  releases: { key: ["project_id", "digest"] },
  release_subjects: { key: ["project_id", "environment", "content_sha256", "digest"] },
  tokens: { key: ["id"], counts: "id" },
  token_prefixes: { key: ["org_id", "prefix", "token_id"] },
  instances: { key: ["environment_id", "token_id", "instance_id"] },
  audit_events: { key: ["org_id", "id"] },
  audit_tiles: { key: ["org_id", "number"] },
  audit_nodes: { key: ["org_id", "level", "number"] },
  audit_activations: { key: ["org_id", "activation"] },
  idempotent_answers: { key: ["token_id", "operation", "key"] },
  public_keys: { key: ["key_id"] },
  webhooks: { key: ["id"] },
  outbox_events: { key: ["number"], counts: "number" },
  deliveries: { key: ["id"] },
  expiry_notices: { key: ["token_id", "expires_at", "days_before"] },
  policy_schemas: { key: ["project_id"] },
  pipelines: { key: ["id"] },
  pipeline_stages: { key: ["id"] },
  pipeline_apps: { key: ["environment_id"] },
  trusted_origins: { key: ["id"] },
  bundle_imports: { key: ["bundle_id"] },
  source_artifacts: { key: ["id"] },
  console_sessions: { stays: "people sign in again; a session that ended meanwhile must not come back" },
  sealed_keys: { stays: "the keys of nodes; the key files of a data directory hold the same" },
  nodes: { stays: "the processes that used the store, none of which runs while it moves" },
  node_changes: { stays: "what those processes told each other" },
  webhook_claims: { stays: "what those processes work on" },
  timed_jobs: { stays: "which of those processes does what next" },
};

/** Tables that no query of the Schema knows, with the reason why their rows stay. */
export const UNTYPED_TABLES: Readonly<Record<string, string>> = {
  commit_head: "counts the commits of one database",
  kysely_migration: "the steps of one database",
  kysely_migration_lock: "the lock of those steps",
};

/** A table with its name. */
export type NamedTable = { readonly name: string; readonly key: readonly string[]; readonly counts?: string };

/** The tables whose rows move, in the order in which they can be inserted. */
export const MOVED_TABLES: readonly NamedTable[] = Object.entries(TABLES).flatMap(([name, table]) =>
  "stays" in table ? [] : [{ name, ...(table as Omit<NamedTable, "name">) }],
);

/** The tables whose rows stay, with the reason. */
export const STAYING_TABLES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(TABLES).flatMap(([name, table]) => ("stays" in table ? [[name, table.stays]] : [])),
);
