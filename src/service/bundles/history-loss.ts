import { performedBy } from "../../core/actor.js";
import { MAX_REASON_CHARACTERS } from "../../core/bundle.js";
import { instantOf, type Clock } from "../../core/clock.js";
import type { Environment, Organization } from "../../core/organization.js";
import type { Store, Writer } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import { activateIn } from "./activation.js";

/** More changes than any server loses between a backup and now. */
const SKIPPED = 1_000_000;
/** Of sequences and versions. */
const MAX_NUMBER = 0xffff_ffff;
const ALL = { limit: 1_000_000, offset: 0 };

/**
 * After a loss of acknowledged changes: skips all sequences and versions that may have been assigned, and activates the active bundle of
 * each environment again, so that no number gets two contents and runtimes that are ahead take the active bundle. Recorded in the
 * audit log of each organization, as `operator`. One transaction.
 */
export async function goOnAfterLoss(
  deps: { readonly store: Store; readonly clock: Clock; readonly audit: Audit },
  loss: { readonly message: string },
): Promise<void> {
  await deps.store.write(async (tx) => {
    const { rows } = await tx.organizations(ALL);
    for (const organization of rows) await goOnIn(tx, deps, organization, loss.message);
  });
}

async function goOnIn(
  tx: Writer,
  { clock, audit }: { readonly clock: Clock; readonly audit: Audit },
  { id: orgId }: Organization,
  loss: string,
): Promise<void> {
  const environments: Environment[] = [];
  for (const { id } of (await tx.projects(orgId, ALL)).rows) environments.push(...(await tx.environments(id)));
  await audit.record(tx, orgId, "operator", {
    action: "history.lost",
    resourceType: "organization",
    resourceId: orgId,
    metadata: { loss, skipped_sequences: SKIPPED, skipped_versions: SKIPPED, environments: environments.length },
  });
  for (const environment of environments) {
    // One less: the activation takes the next one.
    const sequences = Math.max(0, Math.min(SKIPPED, MAX_NUMBER - environment.sequence) - 1);
    const versions = Math.min(SKIPPED, MAX_NUMBER - environment.lastVersion);
    await tx.skipNumbers(environment.id, { sequences, versions });
    if (sequences === 0) continue;
    const bundle = environment.activeBundleId === null ? null : await tx.bundleById(environment.activeBundleId);
    if (bundle === null) continue;
    const before = {
      ...environment,
      sequence: environment.sequence + sequences,
      lastVersion: environment.lastVersion + versions,
    };
    const reason = `changes were lost: ${loss}`.slice(0, MAX_REASON_CHARACTERS);
    const activation = { by: performedBy("operator"), at: instantOf(clock.now()), reason };
    const { id, sequence } = await activateIn(tx, before, bundle, { kind: "activate", ...activation });
    await audit.record(tx, orgId, "operator", {
      action: "bundle.activated",
      resourceType: "bundle",
      resourceId: bundle.id,
      metadata: {
        ...{ project_id: environment.projectId, environment: environment.name, kind: "activate" },
        ...{ policy_hash: bundle.policyHash, from_version: bundle.version, to_version: bundle.version },
        ...{ deployment_id: id, sequence },
      },
    });
  }
}
