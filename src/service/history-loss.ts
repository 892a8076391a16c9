import { instantOf, type Clock } from "../core/clock.js";
import type { Environment, Organization } from "../core/organization.js";
import type { Store, Writer } from "../store/store.js";
import type { Audit } from "./audit.js";
import { activateIn } from "./bundle-changes.js";

/** More than any server loses between a copy and now. */
const SKIPPED_SEQUENCES = 1_000_000;
const MAX_SEQUENCE = 0xffff_ffff;
const ALL = { limit: 1_000_000, offset: 0 };

/**
 * After acknowledged changes were lost: takes every environment past all the sequences that may have been given, and makes active
 * again what is active, so that no runtime meets one sequence with two contents, and those that are ahead take what is active now.
 * Each organization's audit says so, as done by `operator`. One transaction.
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
    metadata: { loss, skipped_sequences: SKIPPED_SEQUENCES, environments: environments.length },
  });
  for (const environment of environments) {
    // One less than that: the activation has the next one.
    const skipped = Math.min(SKIPPED_SEQUENCES, MAX_SEQUENCE - environment.sequence) - 1;
    if (skipped <= 0) continue;
    await tx.skipSequences(environment.id, skipped);
    const bundle = environment.activeBundleId === null ? null : await tx.bundleById(environment.activeBundleId);
    if (bundle === null) continue;
    const before = { ...environment, sequence: environment.sequence + skipped };
    const { id, sequence } = await activateIn(tx, before, bundle, "activate", "operator", instantOf(clock.now()));
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
