import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { CreateOrganizationResponse } from "../../gen/signet/v1/organization_pb.js";
import Database from "better-sqlite3";
import { ADMIN_TOKEN, type TestServer } from "../support/server.js";
import { aRoot, publicKeyOf, releaseEnvelope, rootEnvelope, testKey } from "../support/trust.js";
import type { Kind, OperationCase } from "./operations.js";

export interface Credential {
  readonly kind: Kind;
  readonly token: string | null;
}

/** Two organizations, two projects, and a credential of every kind, good and bad. */
export interface Tenants extends Disposable {
  readonly credentials: Readonly<
    Record<
      | "no token"
      | "malformed"
      | "unknown"
      | "expired"
      | "revoked"
      | "admin"
      | "runtime"
      | "runtime of another project"
      | "ci of another project"
      | "viewer"
      | "viewer of another project"
      | "viewer of another organization"
      | "auditor"
      | "auditor of another organization"
      | "metrics"
      | "admin of another organization",
      Credential
    >
  >;
  /** Puts the ids of the first organization into a path or a body; the slugs of it and its project, where they have one. */
  fill(text: string, by?: "id" | "slug"): string;
  /** The message of an operation, from its path and body. */
  message(operation: OperationCase): Record<string, unknown>;
  /** Every row that a refused request must not change, by its table: read from the database itself, past all caches. */
  fingerprint(): Readonly<Record<string, readonly unknown[]>>;
}

export async function createTenants(server: TestServer): Promise<Tenants> {
  const { admin, orgId } = server;
  const project = await admin.organizations.createProject({ orgId, name: "matrix" });
  const other = await admin.organizations.createProject({ orgId, name: "other" });
  const dev = project.environments.find(({ name }) => name === "dev");
  const target = { orgId, projectId: project.id, envName: "dev" };
  const first = await admin.bundles.publishBundle({ ...target, policies: '{"n":1}' });
  await admin.bundles.publishBundle({ ...target, policies: '{"n":2}' });
  await admin.bundles.activateBundle({ ...target, version: 1 });

  await admin.bundles.setPolicySchema({ orgId, projectId: project.id, schema: "{}" });
  const ci = await admin.tokens.createCiToken({ orgId, projectId: project.id, name: "spare" });
  const otherCi = await admin.tokens.createCiToken({ orgId, projectId: other.id });
  const revoked = await admin.tokens.createAdminToken({ orgId });
  await admin.tokens.revokeToken({ orgId, keyId: revoked.id });
  const expired = await admin.tokens.createAdminToken({ orgId, expiresInDays: 1 });
  await expire(server, expired.id);
  const foreign = await admin.organizations.createOrganization({ name: "foreign" });
  const doomed = await admin.organizations.createOrganization({ name: "doomed" });
  const viewer = await admin.tokens.createViewerToken({ orgId, projectId: project.id });
  const otherViewer = await admin.tokens.createViewerToken({ orgId, projectId: other.id });
  const auditor = await admin.tokens.createViewerToken({ orgId, audit: true });
  const metrics = await admin.tokens.createMetricsToken({ orgId });
  const foreignViewer = await makeForeign(server, foreign, {});
  const foreignAuditor = await makeForeign(server, foreign, { audit: true });
  const rawKey = (keys: typeof project.runtimeKeys) => keys.find(({ envName }) => envName === "dev")?.rawKey ?? "";

  const webhook = await admin.webhooks.createWebhook({ orgId, url: "https://127.0.0.1:9/hook", events: ["bundle.*"] });
  await admin.bundles.publishBundle({ ...target, policies: '{"n":3}', activate: false });
  const deliveryId = await firstDelivery(server, webhook.id);
  const artifact = await admin.artifacts.createArtifact({ projectId: project.id, policies: '{"draft":true}' });
  const idOf = (stage: string) => project.environments.find(({ name }) => name === stage)?.id ?? "";
  const pipeline = await createPipeline(server, project.id, [idOf("dev"), idOf("prod")]);
  const { keys } = await admin.bundles.listKeys({});
  const publicKeyPems = keys.filter((key) => key.purpose === "bundles" && key.isCurrent).map((key) => key.publicKeyPem);
  const trusted = await admin.transfers.createTrustedOrigin({ orgId, name: "this server", publicKeyPems });
  const imported = await admin.transfers.importBundle({
    ...{ ...target, ...(await exported(server, { ...target, version: 2 })) },
  });
  const toImport = await exported(server, { ...target, version: 3 });
  await admin.bundles.publishBundle({ ...target, envName: "prod", policies: '{"n":9}' });
  await admin.organizations.updateEnvironment({ ...target, envName: "prod", protected: false });

  const root = await publishRoot(server, project.id);
  const { digest, envelope: release = "" } = await admin.trust.uploadRelease({
    ...{ orgId, projectId: project.id, envelope: await releaseFor(orgId, project.id) },
  });
  const database = new Database(`${server.directory}/signet.db`, { readonly: true });
  const ids: Readonly<Record<string, string | number>> = {
    org_id: orgId,
    other_org_id: doomed.id,
    project_id: project.id,
    env_name: "dev",
    source_env: "dev",
    imported_version: imported.bundle?.version ?? 0,
    origin_id: trusted.id,
    export_document: toImport.document,
    export_provenance: toImport.provenance,
    trust_root: root,
    trust_release: release,
    digest,
    environment_id: dev?.id ?? "",
    version: 1,
    other_version: 2,
    deployment_id: first.deploymentId ?? "",
    key_id: ci.id,
    webhook_id: webhook.id,
    delivery_id: deliveryId,
    id: pipeline.id,
    stage_id: pipeline.stages.at(-1)?.id ?? "",
    app_id: idOf("prod"),
    spare_app_id: idOf("staging"),
    artifact_id: artifact.id,
    backup_id: await createBackup(server),
  };
  const slugs: typeof ids = { ...ids, org_id: "default", other_org_id: "doomed", project_id: "matrix" };
  // The key_id of a token is a number; a signing key's has 16 hex digits, and this one does not exist.
  const fill = (text: string, by: "id" | "slug" = "id") =>
    text
      .replace(/"\{((?:export|trust)_[a-z]+)\}"/g, "{$1}")
      .replace("/v1/keys/{key_id}", "/v1/keys/0123456789abcdef")
      .replace(/\{([a-z_]+)\}/g, (_, name: string) => String((by === "id" ? ids : slugs)[name]));
  return {
    credentials: {
      "no token": { kind: "admin", token: null },
      malformed: { kind: "admin", token: `${ADMIN_TOKEN} and more` },
      unknown: { kind: "admin", token: "signet_adm_00000000_0000000000000000000000000000000000000000000000000" },
      expired: { kind: "admin", token: expired.rawKey ?? "" },
      revoked: { kind: "admin", token: revoked.rawKey ?? "" },
      admin: { kind: "admin", token: ADMIN_TOKEN },
      runtime: { kind: "runtime", token: rawKey(project.runtimeKeys) },
      "runtime of another project": { kind: "runtime", token: rawKey(other.runtimeKeys) },
      "ci of another project": { kind: "ci", token: otherCi.rawKey ?? "" },
      viewer: { kind: "viewer", token: viewer.rawKey ?? "" },
      "viewer of another project": { kind: "viewer", token: otherViewer.rawKey ?? "" },
      "viewer of another organization": { kind: "viewer", token: foreignViewer },
      auditor: { kind: "auditor", token: auditor.rawKey ?? "" },
      "auditor of another organization": { kind: "auditor", token: foreignAuditor },
      metrics: { kind: "metrics", token: metrics.rawKey ?? "" },
      "admin of another organization": { kind: "admin", token: foreign.adminToken?.rawKey ?? "" },
    },
    fill,
    message({ http: [, path], body }) {
      const [bare = "", query = ""] = path.split("?");
      const named: [string, unknown][] = [...bare.matchAll(/\{([a-z_]+)\}/g)].map(([, name = ""]) => [name, ids[name]]);
      for (const [name, value] of new URLSearchParams(query)) named.push([name, fill(value)]);
      const fields = { ...(Array.isArray(body) ? {} : (body as object | undefined)), ...Object.fromEntries(named) };
      const entries = Object.entries(fields).map(([name, value]) => [camelCase(name), protoValue(name, value, fill)]);
      return Object.fromEntries(entries) as Record<string, unknown>;
    },
    fingerprint: () => fingerprint(database),
    [Symbol.dispose]: () => void database.close(),
  };
}

/** What changes by itself: the server's own bookkeeping, and deliveries to a webhook that nobody listens to. */
const CHANGES_BY_ITSELF: Readonly<Record<string, readonly string[]>> = {
  tokens: ["last_used_at"],
  webhooks: ["failing_since", "disabled_reason", "behind_after"],
  outbox_events: ["fanned_out"],
};
const BOOKKEEPING =
  /^(kysely_.*|sqlite_.*|commit_head|deliveries|instances|webhook_claims|timed_jobs|nodes|node_changes|audit_(tiles|nodes|activations))$/;

function fingerprint(database: Database.Database): Readonly<Record<string, readonly unknown[]>> {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
  const read = database.transaction((table: string) => {
    // Refusals are counted in the audit, once in a while.
    const filter = table === "audit_events" ? "WHERE action <> 'access.refused'" : "";
    const rows = database.prepare(`SELECT * FROM "${table}" ${filter}`).all() as Record<string, unknown>[];
    for (const row of rows) for (const column of CHANGES_BY_ITSELF[table] ?? []) delete row[column];
    return rows;
  });
  return Object.fromEntries(tables.filter((table) => !BOOKKEEPING.test(table)).map((table) => [table, read(table)]));
}

/** A version as it is imported. */
async function exported(
  { admin }: TestServer,
  version: { orgId: string; projectId: string; envName: string; version: number },
): Promise<{ document: string; provenance: string }> {
  const { document = "", provenance } = await admin.transfers.exportBundle(version);
  return { document, provenance };
}

const OWNER = testKey("owner");
const AUTHOR = testKey("author");

/** A root of a project that asks for no release. */
async function publishRoot({ admin, orgId }: TestServer, projectId: string): Promise<string> {
  const { serverKeys } = await admin.trust.getTrust({ orgId, projectId });
  const server = publicKeyOf(serverKeys[0]?.publicKey ?? "");
  const root = aRoot({ orgId, projectId, server, owner: OWNER, authors: [AUTHOR] });
  const envelope = await rootEnvelope(root, OWNER);
  await admin.trust.publishRoot({ orgId, projectId, envelope });
  return envelope;
}

async function releaseFor(orgId: string, projectId: string): Promise<string> {
  return await releaseEnvelope({ orgId, projectId, contents: { dev: "0".repeat(64) } }, AUTHOR);
}

/** A pipeline of a project with one app in each of its two stages. */
async function createPipeline({ admin }: TestServer, projectId: string, appIds: readonly string[]) {
  const pipeline = await admin.pipelines.createPipeline({ displayName: "matrix", type: "trunk", projectId });
  for (const [index, { id: stageId }] of pipeline.stages.entries()) {
    await admin.pipelines.addPipelineApp({ id: pipeline.id, stageId, appId: appIds[index] ?? "" });
  }
  return pipeline;
}

/** A viewer's key of another organization, made by its admin. */
async function makeForeign(
  server: TestServer,
  { id, adminToken }: CreateOrganizationResponse,
  body: object,
): Promise<string> {
  const response = await fetch(`${server.url}/v1/orgs/${id}/tokens/viewer`, {
    method: "POST",
    headers: { "x-api-key": adminToken?.rawKey ?? "", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return ((await response.json()) as { raw_key: string }).raw_key;
}

/** A backup that is complete. */
async function createBackup({ admin }: TestServer): Promise<string> {
  const { id } = await admin.backups.createBackup({ keep: true });
  for (;;) {
    if ((await admin.backups.getBackup({ backupId: id })).state === "ready") return id;
  }
}

/** Deliveries are made a moment after the event. */
async function firstDelivery({ admin, orgId }: TestServer, webhookId: string): Promise<string> {
  for (;;) {
    const { data } = await admin.webhooks.listWebhookDeliveries({ orgId, webhookId });
    if (data[0] !== undefined) return data[0].id;
  }
}

/** Moves the end of a token into the past, in the database: nobody can wait for a day. */
async function expire(server: TestServer, id: number): Promise<void> {
  const database = new Database(`${server.directory}/signet.db`, { timeout: 0 });
  const update = database.prepare("update tokens set expires_at = '2020-01-01T00:00:00.000Z' where id = ?");
  for (let changes = 0; changes === 0;) {
    try {
      changes = update.run(id).changes;
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code !== "SQLITE_BUSY") throw thrown;
      // The server runs in this process: to wait here for its transaction would keep it from ending.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  database.close();
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function protoValue(name: string, value: unknown, fill: (text: string) => string): unknown {
  if (name === "policies" || name === "models") return JSON.stringify(value);
  if (name === "since") return timestampFromDate(new Date(String(value)));
  if (Array.isArray(value)) return value.map((item: unknown) => (typeof item === "string" ? fill(item) : item));
  if (value === "true") return true;
  return typeof value === "string" ? fill(value) : value;
}
