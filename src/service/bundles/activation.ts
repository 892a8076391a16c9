import type { Actor } from "../../core/actor.js";
import type { Bundle, BundleState, Deployment, DeploymentKind } from "../../core/bundle.js";
import { ACTIVATION_DIGEST } from "../../bundle/log/leaf.js";
import type { Metadata } from "../../core/audit.js";
import type { Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Environment, Hold, Organization } from "../../core/organization.js";
import type { Reader, Writer } from "../../store/store.js";
import { newRowId } from "../changes/row-id.js";
import type { Clearance } from "../trust/activation-trust.js";

/** An activation: who does it, why, and what it does besides. */
export interface Activation {
  readonly kind: DeploymentKind;
  readonly by: Actor;
  readonly at: Instant;
  readonly reason: string | null;
  /** The hold that it sets. */
  readonly hold?: Hold | null;
  /** Of a promotion: the bundle that was promoted, as it was active in its environment. */
  readonly source?: Pick<Bundle, "projectId" | "environment" | "version"> | null;
}

/** An activation, and how the audit names its attestation. */
export interface MadeActivation {
  readonly deployment: Deployment;
  /** Metadata of its event: the payload digest, by which the log over the events has it. Empty for one that is attested later. */
  readonly attested: Metadata;
}

/**
 * Activates a bundle in its environment: assigns the next sequence, records the deployment with its attestation, and moves the pointer.
 * `environment` must have been read in this transaction. `clearance` is null where the server itself activates again what was active: that
 * is attested when it is first asked for.
 *
 * Throws `conflict` (`held`) if the environment is held, unless the activation sets a new hold, and `invalid` if the project's root does not
 * allow it.
 */
export async function activateIn(
  tx: Writer,
  environment: Environment,
  bundle: Bundle,
  { kind, by, at, reason, hold = null, source = null }: Activation,
  clearance: Clearance | null,
): Promise<MadeActivation> {
  if (hold === null) checkNotHeld(environment);
  clearance?.requireAllowed();
  const deployment: Deployment = {
    id: newRowId(),
    orgId: environment.orgId,
    projectId: environment.projectId,
    environmentId: environment.id,
    environment: environment.name,
    sequence: environment.sequence + 1,
    bundleId: bundle.id,
    version: bundle.version,
    policyHash: bundle.policyHash,
    mediaType: bundle.mediaType,
    fromVersion: environment.activeVersion,
    kind,
    actor: by.prefix,
    at,
    performedBy: by,
    reason,
    title: bundle.title,
    sourceRevision: bundle.source?.revision || null,
    sourceProjectId: source?.projectId ?? null,
    sourceEnvironment: source?.environment ?? null,
    sourceVersion: source?.version ?? null,
  };
  await tx.insertDeployment(deployment);
  const digest = (await clearance?.attestIn(tx, deployment, bundle)) ?? null;
  await tx.updateEnvironment({
    ...environment,
    lastVersion: Math.max(environment.lastVersion, bundle.version),
    sequence: deployment.sequence,
    activeBundleId: bundle.id,
    activeVersion: bundle.version,
    activeDeploymentId: deployment.id,
    hold,
  });
  return { deployment, attested: digest === null ? {} : { [ACTIVATION_DIGEST]: digest } };
}

/** Throws `conflict` (`held`) if the environment is held. */
export function checkNotHeld({ name, activeVersion, hold }: Environment): void {
  if (hold === null) return;
  const why = hold.reason === null ? "" : `: ${hold.reason}`;
  const by = hold.byName == null ? hold.by : `${hold.byName} (${hold.by})`;
  const message = `"${name}" is held at version ${activeVersion ?? 0} by ${by} since ${hold.since}${why}`;
  throw new AppError("conflict", message, { reason: "held" });
}

/** The state of a bundle that was just activated. */
export function activated(bundle: Bundle, deployment: Deployment): BundleState {
  return { bundle, isActive: true, deploymentId: deployment.id, sequence: deployment.sequence };
}

/** Throws `precondition_failed` if If-Match has another sequence than the environment; null is no condition. */
export function checkSequence(environment: Environment, ifSequence: number | null): void {
  if (ifSequence === null || ifSequence === environment.sequence) return;
  // Nothing is active in one that continues the sequences of a deleted environment, either.
  if (ifSequence === 0 && environment.activeDeploymentId === null) return;
  const message = `"${environment.name}" is at sequence ${environment.sequence}, not ${ifSequence}`;
  throw new AppError("precondition_failed", message);
}

/** Throws `precondition_failed` if a promotion is of another version than its caller previewed; null is no condition. */
export function requireSourceVersion({ environment, version }: Bundle, wanted: number | null): void {
  if (wanted === null || wanted === version) return;
  throw new AppError("precondition_failed", `version ${version} is active in "${environment}", not ${wanted}`);
}

/**
 * Throws `quota_exceeded` if the environment has as many versions as the organization's plan allows. `known` is the organization where it
 * was read already.
 */
export async function checkQuota(
  reader: Reader,
  environment: Environment,
  known: Organization | null = null,
): Promise<void> {
  const quota = (known ?? (await reader.organization(environment.orgId)))?.versionsPerEnvironment ?? null;
  if (quota === null) return;
  const kept = await reader.countBundles(environment.id);
  if (kept < quota) return;
  const message = `the plan allows ${quota} versions in an environment, and "${environment.name}" has ${kept}`;
  throw new AppError("quota_exceeded", message, { reason: "version_quota_exceeded" });
}

/** The next version number, a uint32 in the API. Throws `quota_exceeded` after the last. */
export function nextVersion(environment: Environment): number {
  const version = environment.lastVersion + 1;
  if (version > 0xffff_ffff) throw new AppError("quota_exceeded", "the environment has no version numbers left");
  return version;
}
