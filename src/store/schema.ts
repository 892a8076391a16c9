import type { Generated, Insertable, Selectable } from "kysely";

/*
 * The tables as every database has them. Instants are ISO text, so that they sort; booleans are 0 and 1; maps, lists and records
 * are JSON text; ids are UUID text but for tokens and audit events, which count. A row with `deleted_at` is not there for readers, nor
 * is what refers to it: it is deleted in steps (queries/deletions.ts).
 */

/** Every table by its name. */
export interface Schema {
  organizations: OrganizationsTable;
  projects: ProjectsTable;
  environments: EnvironmentsTable;
  contents: ContentsTable;
  bundles: BundlesTable;
  deployments: DeploymentsTable;
  tokens: TokensTable;
  instances: InstancesTable;
  audit_events: AuditEventsTable;
  idempotent_answers: IdempotentAnswersTable;
  public_keys: PublicKeysTable;
  webhooks: WebhooksTable;
  outbox_events: OutboxEventsTable;
  deliveries: DeliveriesTable;
  expiry_notices: ExpiryNoticesTable;
  pipelines: PipelinesTable;
  pipeline_stages: PipelineStagesTable;
  pipeline_apps: PipelineAppsTable;
  source_artifacts: SourceArtifactsTable;
}

interface OrganizationsTable {
  id: string;
  name: string;
  slug: string;
  plan: string;
  industry: string | null;
  company_size: string | null;
  versions_per_environment: number | null;
  is_operator: number;
  created_at: string;
  own_keys_since: string | null;
}

interface ProjectsTable {
  id: string;
  org_id: string;
  name: string;
  slug: string;
  created_at: string;
  deleted_at: Generated<string | null>;
}

/** The active version is not kept here: it is the version of `active_bundle_id`. */
interface EnvironmentsTable {
  id: string;
  org_id: string;
  project_id: string;
  name: string;
  position: number;
  promotes_to: string | null;
  last_version: number;
  sequence: number;
  /** JSON. */
  hold: string | null;
  active_bundle_id: string | null;
  active_deployment_id: string | null;
  created_at: string;
  /** How many bundles it keeps: changed with each insertion and deletion of one. */
  kept_versions: Generated<number>;
  /** How many sequences no activation has, because a loss was accepted. */
  skipped_sequences: Generated<number>;
  signing_key: "organization" | "environment";
  last_published_at: string | null;
  deleted_at: Generated<string | null>;
}

interface ContentsTable {
  id: string;
  policies: string;
  scope_policies: string;
}

interface BundlesTable {
  id: string;
  org_id: string;
  project_id: string;
  environment_id: string;
  environment: string;
  version: number;
  policy_hash: string;
  content_id: string;
  published_by: string | null;
  published_at: string;
  title: string | null;
  description: string | null;
  labels: string;
  source: string | null;
  origin: "publish" | "promote";
  signature: string;
  signature_v2: string;
  key_id: string;
}

/** `bundle_id` may name a bundle that was deleted since. */
interface DeploymentsTable {
  id: string;
  org_id: string;
  project_id: string;
  environment_id: string;
  environment: string;
  sequence: number;
  bundle_id: string;
  version: number;
  policy_hash: string;
  from_version: number | null;
  kind: "publish" | "activate" | "promote" | "rollback";
  actor: string;
  at: string;
}

interface TokensTable {
  id: Generated<number>;
  org_id: string;
  key_type: "admin" | "ci" | "runtime";
  project_id: string | null;
  environment_id: string | null;
  name: string | null;
  key_prefix: string;
  environments: string;
  hash: string;
  previous_hash: string | null;
  previous_expires_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  created_at: string;
  last_used_at: string | null;
}

interface InstancesTable {
  environment_id: string;
  token_id: number;
  instance_id: string;
  key_prefix: string;
  applied_sequence: number | null;
  applied_version: number | null;
  reported_sequence: number | null;
  state: "connected" | "applied" | "rejected";
  reason: string | null;
  agent: string | null;
  /** What its HTTP client calls itself. */
  user_agent: string | null;
  labels: string;
  /** The address that it was last seen at. */
  source: string | null;
  last_seen: string;
}

/** Refers to nothing by foreign key: an event outlives what it tells of. */
interface AuditEventsTable {
  org_id: string;
  id: number;
  actor: string;
  action: string;
  resource_type: string;
  resource_id: string;
  metadata: string;
  /** As in the metadata, where it is signed: for looking events up by it. */
  source: string | null;
  created_at: string;
  signature: string;
  prev_signature: string;
  key_id: string;
}

interface IdempotentAnswersTable {
  token_id: number;
  operation: string;
  key: string;
  request_hash: string;
  answer: string;
  created_at: string;
}

interface PublicKeysTable {
  key_id: string;
  purpose: "bundles" | "audit" | "webhooks";
  public_key_pem: string;
  created_at: string;
  org_id: string | null;
  environment_id: string | null;
  endorsed_by: string | null;
  endorsement: string | null;
}

interface WebhooksTable {
  id: string;
  org_id: string;
  url: string;
  events: string;
  is_active: number;
  secret: string | null;
  previous_secret: string | null;
  previous_secret_expires_at: string | null;
  disabled_reason: string | null;
  failing_since: string | null;
  behind_after: number | null;
  created_at: string;
  deleted_at: Generated<string | null>;
}

/** Refers to nothing by foreign key: an event outlives what it tells of. */
interface OutboxEventsTable {
  number: Generated<number>;
  id: string;
  org_id: string;
  environment_id: string | null;
  type: string;
  body: string;
  created_at: string;
  fanned_out: number;
  /** W3C Trace Context of what caused the event. */
  traceparent: string | null;
  tracestate: string | null;
}

interface DeliveriesTable {
  id: string;
  webhook_id: string;
  event_number: number;
  event_id: string;
  event_type: string;
  environment_id: string | null;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  next_attempt_at: string | null;
  last_attempt_at: string | null;
  last_status: number | null;
  last_latency_ms: number | null;
  last_error: string | null;
  last_body: string | null;
  created_at: string;
}

interface ExpiryNoticesTable {
  token_id: number;
  expires_at: string;
  days_before: number;
}

interface PipelinesTable {
  id: string;
  org_id: string;
  project_id: string | null;
  display_name: string;
  type: "trunk" | "branch";
  created_at: string;
  updated_at: string;
}

/** `position` is the order of a stage, which is a word of SQL. */
interface PipelineStagesTable {
  id: string;
  pipeline_id: string;
  display_name: string;
  type: "standard" | "prod";
  position: number;
  branch: string | null;
  created_at: string;
  updated_at: string;
}

interface PipelineAppsTable {
  environment_id: string;
  stage_id: string;
}

/** Both `promoted_at` and `promoted_bundle` (a BundleState) are there, or neither is: a draft. */
interface SourceArtifactsTable {
  id: string;
  org_id: string;
  project_id: string;
  name: string | null;
  media_type: string;
  content_id: string;
  created_by: string;
  created_at: string;
  promoted_at: string | null;
  promoted_bundle: string | null;
}

/** A row as it is read. */
export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>;

/** A row as it is written. */
export type NewRow<Table extends keyof Schema> = Insertable<Schema[Table]>;
