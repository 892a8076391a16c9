import { instantOf, type Clock, type Instant } from "../../core/clock.js";
import { performedBy } from "../../core/actor.js";
import { MAX_REASON_CHARACTERS, type Deployment } from "../../core/bundle.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { Store, Writer } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import { newLog } from "../audit/log/losses.js";
import { activateIn } from "./activation.js";

/** More changes than any server loses between a backup and now. */
export const DEFAULT_STEP = 1_000_000;
/** Of sequences and versions. */
export const MAX_NUMBER = 0xffff_ffff;
const ALL = { limit: 1_000_000, offset: 0 };

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: Audit;
}

/** Why the numbers go on further up, as the audit says it. */
interface Cause {
  readonly action: "history.lost" | "backup.restored";
  readonly metadata: Readonly<Record<string, string>>;
  readonly reason: string;
  /** How far sequences and versions are raised. */
  readonly step: number;
}

/** How an environment goes on. */
interface Continuation {
  readonly by: "operator" | "system";
  readonly skipped: { readonly sequences: number; readonly versions: number };
  readonly reason: string;
}

/** What was raised, and what a restored server goes on with. */
export interface GoneOn {
  readonly environments: number;
  /** Environments whose active bundle was activated again. */
  readonly reactivated: number;
  /** Deliveries of webhooks that the server sends when it starts. */
  readonly pendingDeliveries: number;
  /** Webhooks that were switched off. */
  readonly webhooksOff: number;
}

/**
 * After a loss of acknowledged changes: skips all sequences and versions that may have been assigned, and activates the active bundle of
 * each environment again, so that no number gets two contents and runtimes that are ahead take the active bundle. A hold stays. Recorded
 * in the audit log of each organization, as `operator`. One transaction.
 */
export async function goOnAfterLoss(deps: Deps, loss: { readonly message: string }): Promise<void> {
  const cause: Cause = {
    ...{ action: "history.lost", metadata: { loss: loss.message }, step: DEFAULT_STEP },
    reason: `changes were lost: ${loss.message}`.slice(0, MAX_REASON_CHARACTERS),
  };
  await deps.store.write((tx) => goOnEverywhere(tx, deps, cause));
}

/** As goOnAfterLoss, after a backup was restored. Deliveries that were pending in the backup stay so: webhooks are at least once. */
export async function goOnAfterRestore(
  deps: Deps,
  restored: { readonly backedUpAt: Instant; readonly step: number; readonly webhooksOff: boolean },
): Promise<GoneOn> {
  const { backedUpAt, step } = restored;
  const reason = `restored from the backup of ${backedUpAt}`;
  const cause: Cause = { action: "backup.restored", metadata: { backed_up_at: backedUpAt }, reason, step };
  return await deps.store.write(async (tx) => {
    const { environments, reactivated } = await goOnEverywhere(tx, deps, cause);
    const webhooksOff = restored.webhooksOff ? await switchOffWebhooks(tx, deps.audit, reason) : 0;
    const { pending } = await tx.pendingDeliveries();
    return { environments, reactivated, webhooksOff, pendingDeliveries: pending };
  });
}

async function goOnEverywhere(
  tx: Writer,
  deps: Omit<Deps, "store">,
  cause: Cause,
): Promise<{ readonly environments: number; readonly reactivated: number }> {
  let environments = 0;
  let reactivated = 0;
  const { step, reason } = cause;
  const continuation: Continuation = { by: "operator", skipped: { sequences: step, versions: step }, reason };
  for (const organization of (await tx.organizations(ALL)).rows) {
    const all: Environment[] = [];
    for (const { id } of (await tx.projects(organization.id, ALL)).rows) all.push(...(await tx.environments(id)));
    await recordCause(tx, deps.audit, organization, cause, all.length);
    for (const environment of all) {
      if ((await goOnIn(tx, deps, environment, continuation)) !== null) reactivated += 1;
    }
    environments += all.length;
  }
  return { environments, reactivated };
}

async function recordCause(
  tx: Writer,
  audit: Audit,
  { id: orgId }: Organization,
  { action, metadata, step }: Cause,
  environments: number,
): Promise<void> {
  await audit.record(tx, orgId, "operator", {
    ...{ action, resourceType: "organization", resourceId: orgId },
    metadata: { ...metadata, skipped_sequences: step, skipped_versions: step, environments, ...newLog() },
  });
}

/**
 * Skips numbers of an environment, as many as there are, and activates its active bundle again. Returns that activation; null when nothing
 * was active, and after the last sequence. It takes the last of the skipped sequences.
 */
export async function goOnIn(
  tx: Writer,
  { clock, audit }: Omit<Deps, "store">,
  environment: Environment,
  { by, skipped, reason }: Continuation,
): Promise<Deployment | null> {
  // One less: the activation takes the next one.
  const sequences = Math.max(0, Math.min(skipped.sequences, MAX_NUMBER - environment.sequence) - 1);
  const versions = Math.min(skipped.versions, MAX_NUMBER - environment.lastVersion);
  await tx.skipNumbers(environment.id, { sequences, versions });
  if (environment.sequence + sequences >= MAX_NUMBER) return null;
  const bundle = environment.activeBundleId === null ? null : await tx.bundleById(environment.activeBundleId);
  if (bundle === null) return null;
  const before = {
    ...environment,
    sequence: environment.sequence + sequences,
    lastVersion: environment.lastVersion + versions,
  };
  const again = { by: performedBy(by), at: instantOf(clock.now()), reason, hold: environment.hold };
  const { deployment } = await activateIn(tx, before, bundle, { kind: "activate", ...again }, null);
  await audit.record(tx, environment.orgId, by, {
    action: "bundle.activated",
    resourceType: "bundle",
    resourceId: bundle.id,
    metadata: {
      ...{ project_id: environment.projectId, environment: environment.name, kind: "activate" },
      ...{ policy_hash: bundle.policyHash, media_type: bundle.mediaType },
      ...{ from_version: bundle.version, to_version: bundle.version },
      ...{ deployment_id: deployment.id, sequence: deployment.sequence, reason },
    },
  });
  return deployment;
}

async function switchOffWebhooks(tx: Writer, audit: Audit, reason: string): Promise<number> {
  let count = 0;
  for (const { id: orgId } of (await tx.organizations(ALL)).rows) {
    for (const webhook of (await tx.webhooks(orgId, ALL)).rows.filter(({ isActive }) => isActive)) {
      await tx.updateWebhook({ ...webhook, isActive: false });
      await audit.record(tx, orgId, "operator", {
        ...{ action: "webhook.updated", resourceType: "webhook", resourceId: webhook.id },
        metadata: { is_active: false, reason },
      });
      count += 1;
    }
  }
  return count;
}
