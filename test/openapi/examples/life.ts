import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { aRoot, publicKeyOf, releaseEnvelope, rootEnvelope, testKey } from "../../support/trust.js";
import type { Caller } from "./caller.js";

const policyFile = (name: string) =>
  readFileSync(new URL(`../../../examples/policies/${name}`, import.meta.url), "utf8");
const GUARDRAILS = JSON.parse(policyFile("guardrails.json")) as object;
const STRICT = parse(policyFile("guardrails-strict.yaml")) as object;
const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["pii", "secrets"],
  properties: { pii: { type: "object", required: ["enabled"], properties: { enabled: { type: "boolean" } } } },
};
const SOURCE = {
  repository: "https://git.acme.example/policies/shop",
  revision: "9f2c1e7ab04d5d6a3b8c7e1f20496d5538a1c0e4",
  url: "https://git.acme.example/policies/shop/-/merge_requests/482",
};
const INSTANCE = {
  instance_id: "shop-api-7c9d",
  agent: "shop-api/2.4.1",
  labels: { region: "eu-west-1", tier: "checkout" },
};

/** Answers of the calls of a life that later calls need. */
interface WithId {
  readonly id: string;
}
interface ProjectAnswer extends WithId {
  readonly environments: readonly (WithId & { readonly name: string })[];
  readonly runtime_keys: readonly { readonly env_name: string; readonly raw_key: string }[];
}
interface TokenAnswer {
  readonly id: number;
  readonly raw_key: string;
}
interface Page {
  readonly data: readonly (WithId & Record<string, unknown>)[];
}

/**
 * The life of the organization "Acme" with its project "Shop" on a fresh server: every operation once, in an order in which each
 * finds what it needs. The examples of the reference page are what this says and hears (record.ts).
 *
 * @param call calls an operation by its id, and throws when its answer is not the documented success
 * @param webhookUrl a target of webhooks that answers
 */
export async function live(call: Caller, webhookUrl: string): Promise<void> {
  const acme = await call<WithId & { admin_token: TokenAnswer }>("createOrganization", {
    ...{ as: "operator", body: { name: "Acme", plan: "standard", versions_per_environment: 500 } },
  });
  call.token("admin", acme.admin_token.raw_key);
  await call("listOrganizations", { as: "operator", query: { limit: 25 } });
  await call("getOrganization");
  await call("updateOrganization", { body: { industry: "Retail", company_size: "201-500" } });
  const shop = await call<ProjectAnswer>("createProject", { body: { name: "Shop" } });
  const keyOf = (name: string) => shop.runtime_keys.find(({ env_name }) => env_name === name)?.raw_key ?? "";
  const environmentId = (name: string) => shop.environments.find((environment) => environment.name === name)?.id ?? "";
  call.token("runtime", keyOf("dev"));
  await call("listProjects", { query: { limit: 50 } });

  const ci = await call<TokenAnswer>("createCiToken", {
    body: { project_id: "shop", name: "deploy job", expires_in_days: 90, environments: ["dev", "staging"] },
  });
  const webhook = await call<WithId>("createWebhook", { body: { url: webhookUrl, events: ["bundle.*"] } });

  await rotateKeys(call);
  await publish(call);
  await activate(call);
  await describeProject(call);
  await follow(call);
  await tokens(call, ci.id, environmentId("staging"));
  await webhooks(call, webhook.id);
  await prove(call, acme.id, shop.id);
  await pipelines(call, environmentId);
  await carry(call);
  await artifacts(call);
  await audit(call);
  await runServer(call);
  await end(call, ci.id, webhook.id);
}

/** Before anything is active: the first key signs nothing that is in use. */
/** As OPA tells it: `<sequence>.<policy_hash>`. */
const OPA_REVISION = "1.sha256:b74ed18b35e39faae7c1b4e1f656511ba41879afd1762fc39dada502068bb012";

async function rotateKeys(call: Caller): Promise<void> {
  const as = "operator" as const;
  await call("diagnoseServer", { as });
  const rotation = { body: { reason: "Yearly rotation" } };
  interface Rotation {
    readonly current: { readonly key_id: string };
    readonly next: { readonly key_id: string };
  }
  const { current, next } = await call<Rotation>("rotateKey", { as, ...rotation });
  await call("getKeyRotation", { as });
  const activation = { reason: "Every runtime trusts it", force: true };
  await call("activateKey", { as, path: { key_id: next.key_id }, body: activation });
  const retirement = { reason: "Nothing active is signed with it" };
  await call("retireKey", { as, path: { key_id: current.key_id }, body: retirement });
  const mistake = await call<Rotation>("rotateKey", { as, ...rotation, unrecorded: true });
  await call("withdrawKey", { as, path: { key_id: mistake.next.key_id }, body: { reason: "Announced by mistake" } });
}

async function publish(call: Caller): Promise<void> {
  const body = {
    ...{ policies: GUARDRAILS, title: "Redact personal data", published_by: "maria@acme.example" },
    ...{ labels: { ticket: "SEC-482" }, source: SOURCE },
  };
  await call("publishBundle", { body, headers: { "If-Match": '"0"', "Idempotency-Key": "deploy-482" } });
  const second = { policies: STRICT, title: "Block personal data", published_by: "maria@acme.example" };
  await call("publishBundle", { body: second, unrecorded: true });
  await call("promoteBundle", { body: { promoted_by: "maria@acme.example", reason: "SEC-482 is approved" } });
  await call("listBundles", { query: { limit: 50 } });
  await call("getBundle", { path: { version: 2 } });
  await call("getBundleDocument", { path: { version: 2 } });
  await call("diffBundles", { path: { version: 1, other_version: 2 } });
  await call("compareBundles", { query: { from_env: "dev", from_version: 1, to_version: 2 } });
}

async function activate(call: Caller): Promise<void> {
  await call("rollbackBundle", { body: { hold: true, reason: "Checkout refuses valid orders" } });
  await call("getEnvironment");
  await call("listEnvironments", { unrecorded: true });
  await call("releaseEnvironment", { body: {} });
  await call("activateBundle", { path: { version: 2 }, body: { reason: "The false alarms are fixed" } });
  const { data } = await call<Page>("listDeployments", { query: { limit: 25 } });
  const deployment_id = data[0]?.id ?? "";
  await call("getDeployment", { path: { deployment_id } });
  await call("getDeploymentAttestation", { path: { deployment_id } });
}

async function describeProject(call: Caller): Promise<void> {
  await call("getProject");
  await call("createEnvironment", { body: { name: "canary", position: 3, promotes_to: "prod" } });
  await call("listEnvironments");
  await call("updateEnvironment", { path: { env_name: "canary" }, body: { position: 2, protected: true } });
  await call("setPolicySchema", { body: SCHEMA });
  await call("getPolicySchema");
  await call("deletePolicySchema");
}

async function follow(call: Caller): Promise<void> {
  await call("getLatestBundle", { as: "runtime" });
  await call("getLatestContent", { as: "runtime" });
  await call("getLatestPolicies", { as: "runtime" });
  await call("getLatestAttestation", { as: "runtime" });
  const sequence = Number((await call<{ sequence: number }>("getEnvironment", { unrecorded: true })).sequence);
  await call("reportStatus", { as: "runtime", body: { ...INSTANCE, state: "applied", sequence } });
  const refused = { ...INSTANCE, instance_id: "shop-api-51be", state: "rejected", reason: "unknown action BLOCK" };
  await call("reportStatus", { as: "runtime", body: { ...refused, sequence }, unrecorded: true });
  await call("watchBundle", { as: "runtime", query: { instance_id: "shop-api-7c9d" } });
  await call("watchPolicies", { as: "runtime", query: { instance_id: "shop-flagd-1" } });
  await call("listRuntimes", { query: { limit: 25 } });
  await call("listFleet", { query: { project_id: "shop", state: "rejected" } });
  await call("listFleetV1", { query: { environment: "dev" } });
  await call("getFleetSummary", { query: { group_by: "version" } });
  await call("watchEnvironments", { query: { project_id: "shop" } });
  await call("getRollout");
  await call("sendHeartbeat", {
    as: "runtime",
    body: { runtime_version: "1.8.0", mode: "enforce", reporter: "shop-api" },
  });
  await call("sendTelemetry", { as: "runtime", body: [{ type: "decision", count: 12 }] });
  const policy = { name: "policy", active_revision: OPA_REVISION };
  const status = { labels: { id: "opa-1", version: "1.9.0" }, bundles: { policy } };
  await call("reportOpaStatus", { as: "runtime", body: status });
  await call("uploadOpaLogs", { as: "runtime", body: [{ decision_id: "4ca636c1", path: "shop/allow", result: true }] });
}

async function tokens(call: Caller, ciId: number, stagingId: string): Promise<void> {
  await call("createAdminToken", { body: { name: "on-call", expires_in_days: 30 } });
  const runtime = { project_id: "shop", environment_id: stagingId, name: "shop-api staging" };
  await call("createRuntimeToken", { body: runtime });
  await call("createViewerToken", { body: { audit: true, name: "security team" } });
  await call("createMetricsToken", { as: "operator", path: { org_id: "default" }, body: { name: "prometheus" } });
  await call("listTokens", { query: { key_type: "ci" } });
  await call("rotateToken", { path: { key_id: ciId }, body: { grace_seconds: 3600 } });
  await call("whoAmI");
}

async function webhooks(call: Caller, webhook_id: string): Promise<void> {
  const path = { webhook_id };
  await call("listWebhooks");
  await call("getWebhook", { path });
  await call("updateWebhook", { path, body: { events: ["bundle.*", "environment.*"] } });
  await call("testWebhook", { path, body: {} });
  let delivery: Page["data"][number] | undefined;
  // Events are handed to webhooks a moment after their commit.
  while (delivery?.["state"] !== "delivered") {
    const { data } = await call<Page>("listWebhookDeliveries", { path, query: { limit: 2 } });
    delivery = data.at(-1);
  }
  await call("getWebhookDelivery", { path: { webhook_id, delivery_id: delivery.id } });
  await call("replayWebhookDelivery", { path: { webhook_id, delivery_id: delivery.id }, body: {} });
  await call("replayWebhookEvents", { path, body: { since: "2026-11-01T00:00:00Z" } });
  await call("getWebhookStats");
  await call("rotateWebhookSecret", { path, body: { grace_seconds: 3600 } });
}

async function prove(call: Caller, orgId: string, projectId: string): Promise<void> {
  const [owner, author] = [testKey("owner"), testKey("author")];
  const trust = await call<{ server_keys: readonly { public_key: string }[] }>("getTrust", { unrecorded: true });
  const server = publicKeyOf(trust.server_keys[0]?.public_key ?? "");
  const root = await rootEnvelope(aRoot({ orgId, projectId, server, owner, authors: [author] }), owner);
  await call("publishRoot", {
    body: { envelope: JSON.parse(root) as object, reason: "The first root of this project" },
  });
  await call("getTrust");
  await call("getProjectRoot", { path: { version: 1 } });
  await call("getRoot", { as: "runtime", path: { version: 1 } });
  const { policy_hash } = await call<{ policy_hash: string }>("getBundle", { path: { version: 2 }, unrecorded: true });
  const release = await releaseEnvelope(
    { orgId, projectId, contents: { dev: policy_hash, prod: policy_hash } },
    author,
  );
  const { digest } = await call<{ digest: string }>("uploadRelease", {
    body: { envelope: JSON.parse(release) as object },
  });
  await call("listReleases", { query: { limit: 25 } });
  await call("getRelease", { path: { digest } });
}

async function pipelines(call: Caller, environmentId: (name: string) => string): Promise<void> {
  const body = { display_name: "Shop to production", type: "trunk", project_id: "shop" };
  interface Pipeline extends WithId {
    readonly stages: readonly WithId[];
  }
  const pipeline = await call<Pipeline>("createPipeline", { body });
  const { id, stages } = pipeline;
  const [development, production] = stages.map((stage) => stage.id);
  const [dev, staging, prod] = ["dev", "staging", "prod"].map(environmentId);
  const put = async (stage_id: string | undefined, app_id: string | undefined, unrecorded: boolean) =>
    await call("addPipelineApp", { path: { id, stage_id: stage_id ?? "" }, body: { app_id }, unrecorded });
  await put(development, dev, false);
  await put(production, prod, true);
  await call("listPipelines", { query: { limit: 25 } });
  await call("getPipeline", { path: { id } });
  await call("updatePipeline", { path: { id }, body: { display_name: "Shop: dev to prod" } });
  const stage = { display_name: "Canary", insert_before: 2 };
  const canary = await call<WithId>("createPipelineStage", { path: { id }, body: stage });
  await put(canary.id, staging, true);
  const promotion = { source_app_id: dev, target_app_ids: [staging, prod], promoted_by: "maria@acme.example" };
  await call("promotePipeline", { path: { id }, body: promotion });
  await call("diffPipelineApps", { path: { id }, query: { from: dev ?? "", to: prod ?? "" } });
  await call("removePipelineApp", { path: { id, stage_id: canary.id, app_id: staging ?? "" } });
  await call("deletePipelineStage", { path: { id, stage_id: canary.id } });
  await call("deletePipeline", { path: { id } });
}

async function carry(call: Caller): Promise<void> {
  const keys = await call<readonly { purpose: string; is_current: boolean; public_key_pem: string }[]>("listKeys");
  const public_key_pems = keys
    .filter(({ purpose, is_current }) => purpose === "bundles" && is_current)
    .map((key) => key.public_key_pem);
  const origin = await call<WithId>("createTrustedOrigin", { body: { name: "connected side", public_key_pems } });
  await call("listTrustedOrigins");
  const exported = await call<object>("exportBundle", { path: { version: 2 } });
  const path = { env_name: "staging" };
  const imported = await call<{ bundle: { version: number } }>("importBundle", { path, body: exported });
  await call("getBundleOrigin", { path: { ...path, version: imported.bundle.version } });
  await call("deleteTrustedOrigin", { path: { origin_id: origin.id } });
}

async function artifacts(call: Caller): Promise<void> {
  const draft = { project_id: "shop", name: "guardrails", policies: GUARDRAILS };
  const { id: artifact_id } = await call<WithId>("createArtifact", { body: draft });
  await call("listArtifacts", { query: { status: "draft" } });
  await call("getArtifact", { path: { artifact_id } });
  await call("promoteArtifact", { path: { artifact_id }, body: { title: "Redact personal data" } });
  await call("deleteArtifact", { path: { artifact_id } });
}

async function audit(call: Caller): Promise<void> {
  await call("listAuditEvents", { query: { action: "bundle.*", limit: 2 } });
  await call("verifyAudit");
  await call("getAuditHead");
  await call("getAuditCheckpoint");
  await call("getOwnAuditCheckpoint");
  await call("getAuditInclusion", { query: { event_id: 1 } });
  await call("getAuditConsistency", { query: { older: 4 } });
}

async function runServer(call: Caller): Promise<void> {
  const as = "operator" as const;
  const { id: backup_id } = await call<WithId>("createBackup", { as, body: { keep: true } });
  let state = "running";
  while (state === "running") {
    ({ state } = await call<{ state: string }>("getBackup", { as, path: { backup_id } }));
  }
  await call("listBackups", { as });
  await call("deleteBackup", { as, path: { backup_id } });
  await call("listNodes", { as });
  await call("echo", { as });
  await call("getHealth");
  await call("getReadiness");
}

async function end(call: Caller, ciId: number, webhook_id: string): Promise<void> {
  await call("deleteBundle", { path: { version: 1 } });
  await call("pruneBundles", { body: { keep_newest: 20, keep_days: 90, production: ["prod"], dry_run: true } });
  await call("deleteWebhook", { path: { webhook_id } });
  await call("revokeToken", { path: { key_id: ciId } });
  for (const env_name of ["canary", "prod"])
    await call("updateEnvironment", { path: { env_name }, body: { protected: false }, unrecorded: true });
  await call("deleteEnvironment", { path: { env_name: "canary" } });
  await call("deleteProject", { query: { force: true } });
  await call("deleteOrganization", { as: "operator", query: { force: true } });
}
