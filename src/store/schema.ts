import type { Generated, GeneratedAlways, Insertable, Selectable } from "kysely";
import type { Artifact } from "../core/artifact.js";
import type { AuditEvent } from "../core/audit.js";
import type { Bundle, Content, Deployment } from "../core/bundle.js";
import type { ConsoleSession } from "../core/console/console-session.js";
import type { ServerNode } from "../core/cluster/server-node.js";
import type { PublicKeyRecord, SealedKey } from "../core/key.js";
import type { Environment, FormerEnvironment, Organization, Project } from "../core/organization.js";
import type { Pipeline, PipelineStage } from "../core/pipeline.js";
import type { PolicySchema } from "../core/policy-schema.js";
import type { RuntimeInstance } from "../core/runtime-instance.js";
import type { Token } from "../core/token.js";
import type { ActivationAttestation } from "../core/trust/activation-attestation.js";
import type { Release, ReleaseSubject } from "../core/trust/release.js";
import type { TrustRoot } from "../core/trust/trust-root.js";
import type { BundleImport, TrustedOrigin } from "../core/transfer.js";
import type { Delivery, OutboxEvent, Webhook } from "../core/webhook.js";
import type { AuditActivation, AuditNode, AuditTile } from "./audit-log-store.js";
import type { IdempotentAnswer } from "./store.js";

/** `keyId` as `key_id`, `signatureV2` as `signature_v2`. */
export type SnakeCase<Name extends string> = Name extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : Name;

/** A field's column: texts and numbers as they are, booleans as 0 and 1, lists and records as JSON text. */
type Column<Value> = [NonNullable<Value>] extends [boolean]
  ? number | Extract<Value, null>
  : [NonNullable<Value>] extends [string | number]
    ? Value
    : string | Extract<Value, null>;

/** The fields of a noun of core as columns, named in snake case. */
export type ColumnsOf<Noun> = { -readonly [Field in keyof Noun & string as SnakeCase<Field>]: Column<Noun[Field]> };

/** Columns of another type than their noun's field, or besides the noun's fields. */
type Table<Noun, Extra = unknown> = Omit<ColumnsOf<Noun>, keyof Extra> & Extra;

/** A row that has it is not there for readers, nor is what refers to it: it is deleted in steps (queries/deletions.ts). */
interface DeletedInSteps {
  deleted_at: Generated<string | null>;
}

interface EnvironmentColumns extends DeletedInSteps {
  /** How many bundles it keeps: changed with each insertion and deletion of one. */
  kept_versions: Generated<number>;
  /** How many sequences no activation has, because a loss was accepted. */
  skipped_sequences: Generated<number>;
}

interface OutboxColumns {
  number: Generated<number>;
  fanned_out: number;
  /** W3C Trace Context of what caused the event. */
  traceparent: string | null;
  tracestate: string | null;
}

/**
 * The tables as every database has them: the nouns of core, whose fields are the columns. Instants are ISO text, so that they sort;
 * ids are UUID text but for tokens and audit events, which count.
 */
export interface Schema {
  organizations: Table<Organization, DeletedInSteps>;
  projects: Table<Project, DeletedInSteps>;
  /** The active version is not kept here: it is the version of `active_bundle_id`. */
  environments: Table<Omit<Environment, "activeVersion">, EnvironmentColumns>;
  former_environments: Table<FormerEnvironment>;
  contents: Table<Content>;
  bundles: Table<Bundle>;
  /** `bundle_id` may name a bundle that was deleted since. */
  deployments: Table<Deployment>;
  /** An activation of before attestations gets one when it is first asked for. */
  activation_attestations: Table<ActivationAttestation>;
  trust_roots: Table<TrustRoot>;
  releases: Table<Release>;
  release_subjects: Table<ReleaseSubject>;
  tokens: Table<Token, { id: Generated<number> }>;
  console_sessions: Table<ConsoleSession>;
  instances: Table<RuntimeInstance>;
  nodes: Table<ServerNode>;
  /**
   * Refers to nothing by foreign key: an event outlives what it tells of. `source`, the project and the environment are also in the
   * metadata, where they are signed; the columns find events by them. Empty: of no project, of no environment.
   */
  audit_events: Table<
    AuditEvent,
    { source: string | null; project_id: GeneratedAlways<string>; environment: GeneratedAlways<string> }
  >;
  /** The tree over the events (audit-log-store.ts). */
  audit_tiles: Table<AuditTile>;
  audit_nodes: Table<AuditNode>;
  audit_activations: Table<AuditActivation>;
  /** Every prefix that a token ever had, by which its events are found. Refers to nothing: events outlive tokens. */
  token_prefixes: { org_id: string; prefix: string; token_id: number; name: string | null };
  idempotent_answers: Table<IdempotentAnswer>;
  public_keys: Table<PublicKeyRecord>;
  sealed_keys: Table<SealedKey>;
  webhooks: Table<Omit<Webhook, "outboxCursor">, DeletedInSteps & { behind_after: number | null }>;
  /** Which node sends to a webhook; no row, or one whose time is over: none. */
  webhook_claims: { webhook_id: string; claimed_by: string; claimed_until: string };
  /** When a job of the database is to run next, and which node runs it; both null: none. */
  timed_jobs: { name: string; due_at: string; claimed_by: string | null; claimed_until: string | null };
  /** Refers to nothing by foreign key: an event outlives what it tells of. */
  outbox_events: Table<Omit<OutboxEvent, "trace">, OutboxColumns>;
  deliveries: Table<Delivery>;
  expiry_notices: { token_id: number; expires_at: string; days_before: number };
  policy_schemas: Table<PolicySchema>;
  pipelines: Table<Pipeline>;
  /** `position` is the order of a stage, which is a word of SQL. */
  pipeline_stages: Table<Omit<PipelineStage, "order">, { position: number }>;
  pipeline_apps: { environment_id: string; stage_id: string };
  trusted_origins: Table<TrustedOrigin>;
  bundle_imports: Table<BundleImport>;
  /** Rows of nodes, by the numbers in which their transactions were committed. `ref` is the change as JSON, without its kind. */
  node_changes: { number: Generated<number>; origin: string; kind: string; ref: string };
  /** Both `promoted_at` and `promoted_bundle` (a BundleState) are there, or neither is: a draft. */
  source_artifacts: Table<Omit<Artifact, "promotion">, { promoted_at: string | null; promoted_bundle: string | null }>;
}

/** A row as it is read. */
export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>;

/** A row as it is written. */
export type NewRow<Table extends keyof Schema> = Insertable<Schema[Table]>;
