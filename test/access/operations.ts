/** Who may call an operation, as api.md says, written by hand so that a wrong proto option is found. */
export type Kind = "admin" | "ci" | "runtime" | "viewer" | "auditor" | "metrics";

export interface OperationCase {
  readonly id: string;
  readonly service: string;
  /** The method, where it is not called as the operation. */
  readonly rpc?: string;
  readonly http: readonly [method: string, path: string];
  /** The kinds of token that carry the scope. */
  readonly allow: readonly Kind[];
  /** Only admins of the operator's organization. */
  readonly operatorOnly?: true;
  readonly body?: unknown;
  readonly streaming?: true;
}

const ORG = "/v1/orgs/{org_id}";
const PROJECT = `${ORG}/projects/{project_id}`;
const ENV = `${PROJECT}/envs/{env_name}`;
/** `auditor` is a viewer that was made with the audit. */
const ALL = ["admin", "ci", "runtime", "viewer", "auditor"] as const;
const ADMIN = ["admin"] as const;
const PUBLISHERS = ["admin", "ci"] as const;
const RUNTIME = ["runtime"] as const;

const organization = (
  id: string,
  method: string,
  path: string,
  allow: readonly Kind[],
  body?: unknown,
): OperationCase => ({
  ...{ id, service: "OrganizationService", http: [method, path], allow, body },
});
const bundle = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "BundleService", http: [method, path], allow, body },
});
const token = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "TokenService", http: [method, path], allow, body },
});
const runtime = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "RuntimeService", http: [method, path], allow, body },
});
const opa = (id: string, method: string, path: string, body?: unknown): OperationCase => ({
  ...{ id, service: "OpaService", http: [method, path], allow: RUNTIME, body },
});
const audit = (id: string, path: string): OperationCase => ({
  ...{ id, service: "AuditService", http: ["GET", path], allow: ["admin", "auditor"] },
});

const backup = (id: string, method: string, path: string): OperationCase => ({
  ...{ id, service: "BackupService", http: [method, `/v1/backups${path}`], allow: ADMIN, operatorOnly: true },
});
const key = (id: string, method: string, path: string): OperationCase => ({
  ...{ id, service: "KeyService", http: [method, `/v1/keys${path}`], allow: ADMIN },
});

const webhook = (id: string, method: string, path: string, body?: unknown): OperationCase => ({
  ...{ id, service: "WebhookService", http: [method, `${ORG}/webhooks${path}`], allow: ADMIN, body },
});

const transfer = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "TransferService", http: [method, path], allow, body },
});
const trust = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "TrustService", http: [method, path], allow, body },
});
const pipeline = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "PipelineService", http: [method, `/v1/pipelines${path}`], allow, body },
});
const artifact = (id: string, method: string, path: string, allow: readonly Kind[], body?: unknown): OperationCase => ({
  ...{ id, service: "ArtifactService", http: [method, `/v1/source-artifact${path}`], allow, body },
});
const system = (id: string, path: string): OperationCase => ({
  ...{ id, service: "SystemService", http: ["GET", path], allow: ADMIN },
});

/** Of the seed 00..1f (docs/bundle-format.md). */
const PUBLIC_KEY =
  "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n";

/** Of another package and without REST: flagd calls them over gRPC. */
export const FLAGD_OPERATIONS: readonly OperationCase[] = [
  { id: "syncFlags", service: "FlagSyncService", http: ["", ""], allow: RUNTIME, streaming: true },
  { id: "fetchAllFlags", service: "FlagSyncService", http: ["", ""], allow: RUNTIME },
  { id: "getFlagMetadata", rpc: "getMetadata", service: "FlagSyncService", http: ["", ""], allow: RUNTIME },
];

/** Every operation of signet.v1. What deletes stands last, so that the ones before it find what they name. */
export const OPERATIONS: readonly OperationCase[] = [
  {
    ...organization("createOrganization", "POST", "/v1/orgs", ADMIN, { name: "made by the matrix" }),
    operatorOnly: true,
  },
  { ...organization("listOrganizations", "GET", "/v1/orgs", ADMIN), operatorOnly: true },
  organization("getOrganization", "GET", ORG, ALL),
  organization("updateOrganization", "PATCH", ORG, ADMIN, { industry: "tests" }),
  organization("createProject", "POST", `${ORG}/projects`, ADMIN, { name: "made by the matrix" }),
  organization("listProjects", "GET", `${ORG}/projects`, ALL),
  organization("getProject", "GET", PROJECT, ALL),
  organization("createEnvironment", "POST", `${PROJECT}/environments`, ADMIN, { name: "extra" }),
  organization("listEnvironments", "GET", `${PROJECT}/environments`, ALL),
  organization("getEnvironment", "GET", `${PROJECT}/environments/{env_name}`, ALL),
  organization("updateEnvironment", "PATCH", `${PROJECT}/environments/{env_name}`, ADMIN, { position: 0 }),
  organization("releaseEnvironment", "POST", `${PROJECT}/environments/{env_name}/release`, PUBLISHERS),
  bundle("publishBundle", "POST", `${ENV}/bundles/publish`, PUBLISHERS, { policies: { a: 1 } }),
  bundle("activateBundle", "POST", `${ENV}/bundles/{version}/activate`, PUBLISHERS),
  bundle("rollbackBundle", "POST", `${ENV}/rollback`, PUBLISHERS, { to_version: 1 }),
  bundle("promoteBundle", "POST", `${PROJECT}/envs/{source_env}/promote`, PUBLISHERS),
  bundle("listBundles", "GET", `${ENV}/bundles`, ALL),
  bundle("getBundle", "GET", `${ENV}/bundles/{version}`, ALL),
  bundle("getBundleDocument", "GET", `${ENV}/bundles/{version}/document`, ALL),
  bundle("diffBundles", "GET", `${ENV}/bundles/{version}/diff/{other_version}`, ALL),
  bundle("compareBundles", "GET", `${PROJECT}/compare?from_env={env_name}`, ALL),
  bundle("setPolicySchema", "PUT", `${PROJECT}/schema`, ADMIN, { type: "object" }),
  bundle("getPolicySchema", "GET", `${PROJECT}/schema`, ALL),
  bundle("listDeployments", "GET", `${ENV}/deployments`, ALL),
  bundle("getDeployment", "GET", "/v1/deployments/{deployment_id}", ALL),
  bundle("listKeys", "GET", "/v1/keys", ALL),
  transfer("exportBundle", "GET", `${ENV}/bundles/{version}/export`, ALL),
  transfer("importBundle", "POST", `${ENV}/bundles/import`, PUBLISHERS, {
    ...{ document: "{export_document}", provenance: "{export_provenance}" },
  }),
  transfer("getBundleOrigin", "GET", `${ENV}/bundles/{imported_version}/origin`, ALL),
  transfer("createTrustedOrigin", "POST", `${ORG}/trusted-origins`, ADMIN, {
    ...{ name: "made by the matrix", public_key_pems: [PUBLIC_KEY] },
  }),
  transfer("listTrustedOrigins", "GET", `${ORG}/trusted-origins`, ADMIN),
  transfer("deleteTrustedOrigin", "DELETE", `${ORG}/trusted-origins/{origin_id}`, ADMIN),
  trust("publishRoot", "POST", `${PROJECT}/trust/roots`, PUBLISHERS, { envelope: "{trust_root}" }),
  trust("getTrust", "GET", `${PROJECT}/trust`, ALL),
  trust("getProjectRoot", "GET", `${PROJECT}/trust/roots/{version}`, ALL),
  trust("getRoot", "GET", "/v1/trust/roots/{version}", RUNTIME),
  trust("uploadRelease", "POST", `${PROJECT}/trust/releases`, PUBLISHERS, { envelope: "{trust_release}" }),
  trust("listReleases", "GET", `${PROJECT}/trust/releases`, ALL),
  trust("getRelease", "GET", `${PROJECT}/trust/releases/{digest}`, ALL),
  { ...key("rotateKey", "POST", "/rotate"), operatorOnly: true },
  key("getKeyRotation", "GET", "/rotation"),
  { ...key("activateKey", "POST", "/{key_id}/activate"), operatorOnly: true },
  { ...key("withdrawKey", "POST", "/{key_id}/withdraw"), operatorOnly: true },
  { ...key("retireKey", "POST", "/{key_id}/retire"), operatorOnly: true },
  token("createAdminToken", "POST", `${ORG}/tokens/admin`, ADMIN),
  token("createCiToken", "POST", `${ORG}/tokens/ci`, ADMIN, { project_id: "{project_id}" }),
  token("createRuntimeToken", "POST", `${ORG}/tokens/runtime`, ADMIN, {
    project_id: "{project_id}",
    environment_id: "{environment_id}",
    name: "made by the matrix",
  }),
  token("createViewerToken", "POST", `${ORG}/tokens/viewer`, ADMIN, { audit: true }),
  { ...token("createMetricsToken", "POST", `${ORG}/tokens/metrics`, ADMIN), operatorOnly: true },
  token("listTokens", "GET", `${ORG}/tokens`, ADMIN),
  token("rotateToken", "POST", `${ORG}/tokens/{key_id}/rotate`, ADMIN),
  token("whoAmI", "GET", "/v1/whoami", [...ALL, "metrics"]),
  runtime("getLatestBundle", "GET", "/v1/bundles/latest", RUNTIME),
  runtime("getLatestContent", "GET", "/v1/bundles/latest/content", RUNTIME),
  runtime("getLatestPolicies", "GET", "/v1/policies/latest", RUNTIME),
  runtime("getLatestAttestation", "GET", "/v1/bundles/latest/attestation", RUNTIME),
  runtime("getDeploymentAttestation", "GET", "/v1/deployments/{deployment_id}/attestation", ALL),
  {
    ...{ id: "watchEnvironments", service: "WatchService", http: ["GET", `${ORG}/watch`], streaming: true },
    allow: ["admin", "ci", "viewer", "auditor"],
  },
  { ...runtime("watchBundle", "GET", "/v1/bundles/watch", RUNTIME), streaming: true },
  { ...runtime("watchPolicies", "GET", "/v1/policies/watch", RUNTIME), streaming: true },
  runtime("reportStatus", "POST", "/v1/runtimes/status", RUNTIME, { instance_id: "i", state: "applied", sequence: 1 }),
  runtime("listFleet", "GET", `${ORG}/runtimes`, ALL),
  runtime("getFleetSummary", "GET", `${ORG}/runtimes/summary`, ALL),
  runtime("getRollout", "GET", `${ENV}/rollout`, ALL),
  runtime("listRuntimes", "GET", `${ENV}/runtimes`, ALL),
  runtime("sendHeartbeat", "POST", "/v1/inference/heartbeat", RUNTIME, { reporter: "r", models: [] }),
  runtime("sendTelemetry", "POST", "/v1/telemetry/events", RUNTIME, [{ a: 1 }]),
  runtime("claimBenchmark", "POST", "/v1/benchmarks/claim", RUNTIME, {}),
  opa("getOpaBundle", "GET", "/v1/opa/bundle.tar.gz"),
  opa("reportOpaStatus", "POST", "/v1/opa/status", { labels: { id: "opa" }, bundles: {} }),
  opa("uploadOpaLogs", "POST", "/v1/opa/logs", [{ decision_id: "1" }]),
  audit("listAuditEvents", `${ORG}/audit`),
  audit("verifyAudit", `${ORG}/audit/verify`),
  audit("getAuditHead", `${ORG}/audit/head`),
  audit("getAuditCheckpoint", `${ORG}/audit/checkpoint`),
  audit("getAuditInclusion", `${ORG}/audit/inclusion?event_id=1`),
  audit("getAuditConsistency", `${ORG}/audit/consistency?older=1`),
  { id: "getOwnAuditCheckpoint", service: "AuditService", http: ["GET", "/v1/audit/checkpoint"], allow: ALL },
  backup("createBackup", "POST", ""),
  backup("listBackups", "GET", ""),
  backup("getBackup", "GET", "/{backup_id}"),
  backup("downloadBackup", "GET", "/{backup_id}/archive"),
  backup("deleteBackup", "DELETE", "/{backup_id}"),
  webhook("createWebhook", "POST", "", { url: "https://127.0.0.1/hook", events: ["*"] }),
  webhook("listWebhooks", "GET", ""),
  webhook("getWebhookStats", "GET", "/stats"),
  webhook("getWebhook", "GET", "/{webhook_id}"),
  webhook("updateWebhook", "PATCH", "/{webhook_id}", { is_active: true }),
  webhook("rotateWebhookSecret", "POST", "/{webhook_id}/rotate-secret"),
  webhook("testWebhook", "POST", "/{webhook_id}/test"),
  webhook("listWebhookDeliveries", "GET", "/{webhook_id}/deliveries"),
  webhook("getWebhookDelivery", "GET", "/{webhook_id}/deliveries/{delivery_id}"),
  webhook("replayWebhookDelivery", "POST", "/{webhook_id}/deliveries/{delivery_id}/replay"),
  webhook("replayWebhookEvents", "POST", "/{webhook_id}/replay", { since: "2026-01-01T00:00:00Z" }),
  webhook("deleteWebhook", "DELETE", "/{webhook_id}"),
  pipeline("createPipeline", "POST", "", PUBLISHERS, {
    ...{ display_name: "made by the matrix", type: "trunk", project_id: "{project_id}" },
  }),
  pipeline("listPipelines", "GET", "", ALL),
  pipeline("getPipeline", "GET", "/{id}", ALL),
  pipeline("updatePipeline", "PATCH", "/{id}", PUBLISHERS, { display_name: "renamed" }),
  pipeline("createPipelineStage", "POST", "/{id}/stages", PUBLISHERS, { display_name: "Canary", insert_before: 1 }),
  pipeline("addPipelineApp", "POST", "/{id}/stages/{stage_id}/apps", PUBLISHERS, { app_id: "{spare_app_id}" }),
  pipeline("promotePipeline", "POST", "/{id}/promote", PUBLISHERS, {
    ...{ source_app_id: "{environment_id}", target_app_ids: ["{app_id}"] },
  }),
  pipeline("diffPipelineApps", "GET", "/{id}/diff?from={environment_id}&to={app_id}", ALL),
  artifact("createArtifact", "POST", "s", PUBLISHERS, { project_id: "{project_id}", policies: { a: 1 } }),
  artifact("listArtifacts", "GET", "s", ALL),
  artifact("getArtifact", "GET", "/{artifact_id}", ALL),
  artifact("promoteArtifact", "PUT", "/{artifact_id}/promote", PUBLISHERS),
  artifact("deleteArtifact", "DELETE", "/{artifact_id}", PUBLISHERS),
  { ...system("listNodes", "/v1/nodes"), operatorOnly: true },
  { ...system("diagnoseServer", "/v1/system/diagnosis"), operatorOnly: true },
  { ...system("echo", "/v1/system/echo"), operatorOnly: true },
  pipeline("removePipelineApp", "DELETE", "/{id}/stages/{stage_id}/apps/{app_id}", PUBLISHERS),
  pipeline("deletePipelineStage", "DELETE", "/{id}/stages/{stage_id}", PUBLISHERS),
  pipeline("deletePipeline", "DELETE", "/{id}", PUBLISHERS),
  token("revokeToken", "DELETE", `${ORG}/tokens/{key_id}`, ADMIN),
  bundle("deletePolicySchema", "DELETE", `${PROJECT}/schema`, ADMIN),
  bundle("pruneBundles", "POST", `${PROJECT}/prune`, ADMIN, { keep_newest: 1 }),
  bundle("deleteBundle", "DELETE", `${ENV}/bundles/{other_version}`, ADMIN),
  organization("deleteEnvironment", "DELETE", `${PROJECT}/environments/{env_name}?force=true`, ADMIN),
  organization("deleteProject", "DELETE", `${PROJECT}?force=true`, ADMIN),
  { ...organization("deleteOrganization", "DELETE", "/v1/orgs/{other_org_id}", ADMIN), operatorOnly: true },
];
