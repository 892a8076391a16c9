import { createHash, randomUUID } from "node:crypto";
import type { Artifact } from "../../src/core/artifact.js";
import type { AuditEvent } from "../../src/core/audit.js";
import type { Bundle, Content, Deployment } from "../../src/core/bundle.js";
import type { Environment, Organization, Project } from "../../src/core/organization.js";
import type { RuntimeInstance } from "../../src/core/runtime-instance.js";
import type { Token } from "../../src/core/token.js";
import type { Store, Writer } from "../../src/store/store.js";

const AT = "2026-01-02T03:04:05.678Z";

/** An instant that many minutes after the samples'. */
export function minutesLater(minutes: number): string {
  return new Date(Date.parse(AT) + minutes * 60_000).toISOString();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function anOrganization(changes: Partial<Organization> = {}): Organization {
  const id = randomUUID();
  return {
    id,
    name: "Acme",
    slug: `acme-${id}`,
    plan: "team",
    industry: null,
    companySize: null,
    versionsPerEnvironment: null,
    isOperator: false,
    ownKeysSince: null,
    createdAt: AT,
    ...changes,
  };
}

export function aProject(orgId: string, changes: Partial<Project> = {}): Project {
  return { id: randomUUID(), orgId, name: "Payments", slug: "payments", createdAt: AT, ...changes };
}

export function anEnvironment(project: Project, changes: Partial<Environment> = {}): Environment {
  return {
    id: randomUUID(),
    orgId: project.orgId,
    projectId: project.id,
    name: "dev",
    position: 0,
    promotesTo: null,
    signingKey: "organization",
    protected: false,
    lastPublishedAt: null,
    lastVersion: 0,
    sequence: 0,
    activeBundleId: null,
    activeVersion: null,
    activeDeploymentId: null,
    hold: null,
    createdAt: AT,
    ...changes,
  };
}

export function aContent(text: string): Content {
  return { id: sha256(text), policies: JSON.stringify({ text }), scopePolicies: "{}" };
}

export function aBundle(environment: Environment, changes: Partial<Bundle> = {}): Bundle {
  return {
    id: randomUUID(),
    orgId: environment.orgId,
    projectId: environment.projectId,
    environmentId: environment.id,
    environment: environment.name,
    version: 1,
    policyHash: `sha256:${sha256("policy")}`,
    contentId: aContent("policy").id,
    publishedBy: null,
    publishedAt: AT,
    title: null,
    description: null,
    labels: {},
    source: null,
    origin: "publish",
    mediaType: "application/json",
    signature: "c2ln",
    signatureV2: "c2lnMg==",
    keyId: "0011223344556677",
    documentSha256: null,
    contentSize: null,
    ...changes,
  };
}

export function aDeployment(bundle: Bundle, changes: Partial<Deployment> = {}): Deployment {
  return {
    id: randomUUID(),
    orgId: bundle.orgId,
    projectId: bundle.projectId,
    environmentId: bundle.environmentId,
    environment: bundle.environment,
    sequence: 1,
    bundleId: bundle.id,
    version: bundle.version,
    policyHash: bundle.policyHash,
    mediaType: bundle.mediaType,
    fromVersion: null,
    kind: "publish",
    actor: "sgn_ci_ab12",
    at: AT,
    performedBy: null,
    ...{ reason: null, title: null, sourceRevision: null },
    ...{ sourceProjectId: null, sourceEnvironment: null, sourceVersion: null },
    ...changes,
  };
}

export function aToken(orgId: string, changes: Partial<Token> = {}): Omit<Token, "id"> {
  return {
    orgId,
    keyType: "admin",
    projectId: null,
    environmentId: null,
    name: null,
    keyPrefix: "sgn_admin_ab12",
    environments: [],
    readsAudit: false,
    hash: sha256(randomUUID()),
    previousHash: null,
    previousExpiresAt: null,
    expiresAt: null,
    revokedAt: null,
    createdAt: AT,
    lastUsedAt: null,
    ...changes,
  };
}

export function anEvent(orgId: string, id: number, changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    orgId,
    id,
    actor: "sgn_ci_ab12",
    action: "bundle.published",
    resourceType: "bundle",
    resourceId: randomUUID(),
    metadata: {},
    createdAt: AT,
    signature: `sig-${id}`,
    prevSignature: id === 1 ? "" : `sig-${id - 1}`,
    keyId: "8899aabbccddeeff",
    ...changes,
  };
}

export function anInstance(token: Token, changes: Partial<RuntimeInstance> = {}): RuntimeInstance {
  return {
    environmentId: token.environmentId ?? "",
    tokenId: token.id,
    keyPrefix: token.keyPrefix,
    instanceId: "pod-1",
    appliedSequence: null,
    appliedVersion: null,
    reportedSequence: null,
    state: "connected",
    reason: null,
    agent: null,
    userAgent: null,
    labels: {},
    source: null,
    keyIds: null,
    connection: null,
    liveUntil: "2026-01-01T00:05:00.000Z",
    lastSeen: AT,
    ...changes,
  };
}

export function anArtifact(orgId: string, projectId: string, changes: Partial<Artifact> = {}): Artifact {
  return {
    id: randomUUID(),
    orgId,
    projectId,
    name: null,
    mediaType: "application/json",
    contentId: aContent("policy").id,
    createdBy: "sgn_ci_ab12",
    createdAt: AT,
    promotion: null,
    ...changes,
  };
}

export interface Tenancy {
  readonly organization: Organization;
  readonly project: Project;
  readonly dev: Environment;
  readonly prod: Environment;
}

/** One organization with one project, and `dev` that promotes to `prod`. */
export async function insertTenancy(store: Pick<Store, "write">): Promise<Tenancy> {
  const organization = anOrganization();
  const project = aProject(organization.id);
  const dev = anEnvironment(project, { promotesTo: "prod" });
  const prod = anEnvironment(project, { name: "prod", position: 1 });
  await store.write(async (tx) => {
    await tx.insertOrganization(organization);
    await tx.insertProject(project);
    await tx.insertEnvironment(dev);
    await tx.insertEnvironment(prod);
  });
  return { organization, project, dev, prod };
}

/** Publishes as the service does: content, bundle, activation and pointer. */
export async function publish(tx: Writer, environmentId: string, text = "policy"): Promise<Bundle> {
  const environment = await tx.environmentById(environmentId);
  if (environment === null) throw new Error("no such environment");
  const version = environment.lastVersion + 1;
  const bundle = aBundle(environment, { version, contentId: aContent(text).id });
  await tx.putContent(aContent(text));
  await tx.insertBundle(bundle);
  await activate(tx, bundle);
  return bundle;
}

/** Makes a kept bundle the active one, under the next sequence. */
export async function activate(tx: Writer, bundle: Bundle): Promise<Deployment> {
  const environment = await tx.environmentById(bundle.environmentId);
  if (environment === null) throw new Error("no such environment");
  const deployment = aDeployment(bundle, { sequence: environment.sequence + 1 });
  await tx.insertDeployment(deployment);
  await tx.updateEnvironment({
    ...environment,
    lastVersion: Math.max(environment.lastVersion, bundle.version),
    sequence: deployment.sequence,
    activeBundleId: bundle.id,
    activeDeploymentId: deployment.id,
  });
  return deployment;
}
