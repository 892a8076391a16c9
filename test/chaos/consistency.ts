import { expect } from "vitest";
import { parsePublicKey, verifyDocument, type SignetClient } from "../../src/sdk/index.js";
import { STAGES, type Acknowledged, type Where } from "./work.js";

/**
 * What must hold whatever happened: everything acknowledged is there, nothing half-done is. `lost` is how many changes may have been
 * committed without their answer having arrived.
 */
export async function checkConsistency(
  client: SignetClient,
  where: Where,
  acknowledged: readonly Acknowledged[],
  lost: number,
): Promise<void> {
  const { orgId } = where;
  const { keys } = await client.bundles.listKeys({});
  const trusted = keys.filter(({ purpose }) => purpose === "bundles").map((key) => parsePublicKey(key.publicKeyPem));
  let changes = 0;
  for (const stage of STAGES) {
    const path = { ...where, envName: stage };
    const bundles = await allBundles(client, path);
    const deployments = await allDeployments(client, path);
    changes += new Set([...bundles.map(({ deploymentId }) => deploymentId), ...deployments.map(({ id }) => id)]).size;

    // Versions and sequences have no gap and no repeat.
    expect(bundles.map(({ version }) => version)).toEqual(countdown(bundles.length));
    expect(deployments.map(({ sequence }) => sequence)).toEqual(countdown(deployments.length));
    // Exactly one is active, and it is the newest activation's.
    const active = bundles.filter(({ isActive }) => isActive);
    expect(active.map(({ id }) => id)).toEqual(deployments.slice(0, 1).map(({ bundleId }) => bundleId));
    // Each activation says what it came from.
    for (const [index, deployment] of deployments.entries()) {
      expect(deployment.fromVersion).toBe(deployments[index + 1]?.version);
    }
    for (const { version } of bundles.slice(0, 3)) {
      const { document } = await client.bundles.getBundleDocument({ ...path, version });
      const verified = await verifyDocument(document, trusted, { ...where, environment: stage });
      expect(verified.document.bundle_version).toBe(version);
    }
    for (const { bundle } of acknowledged.filter((it) => it.stage === stage)) {
      const kept = bundles.find(({ version }) => version === bundle.version);
      expect(kept).toMatchObject({ id: bundle.id, policyHash: bundle.policyHash });
      const deployment = deployments.find(({ id }) => id === bundle.deploymentId);
      expect(deployment).toMatchObject({ sequence: bundle.sequence, version: bundle.version, bundleId: bundle.id });
    }
  }
  const report = await client.audit.verifyAudit({ orgId });
  expect(report).toMatchObject({ valid: true });
  const { events } = await client.audit.listAuditEvents({ orgId, after: 0, limit: 1000, action: "bundle.*" });
  const recorded = await countBundleEvents(client, orgId, events);
  // No change without its event, no event without its change; and nothing but what was asked for.
  expect(recorded).toBe(changes);
  expect(recorded).toBeGreaterThanOrEqual(acknowledged.length);
  expect(recorded).toBeLessThanOrEqual(acknowledged.length + lost);
}

async function countBundleEvents(
  client: SignetClient,
  orgId: string,
  first: readonly { readonly id: number }[],
): Promise<number> {
  let count = first.length;
  for (let page = first; page.length === 1000;) {
    const after = page.at(-1)?.id ?? 0;
    page = (await client.audit.listAuditEvents({ orgId, after, limit: 1000, action: "bundle.*" })).events;
    count += page.length;
  }
  return count;
}

async function allBundles(client: SignetClient, path: Where & { envName: string }) {
  const all = [];
  for (let beforeVersion: number | undefined; ;) {
    const { bundles } = await client.bundles.listBundles({ ...path, ...(beforeVersion ? { beforeVersion } : {}) });
    all.push(...bundles);
    beforeVersion = bundles.at(-1)?.version;
    if (bundles.length < 1000) return all;
  }
}

async function allDeployments(client: SignetClient, path: Where & { envName: string }) {
  const all = [];
  for (;;) {
    const { data } = await client.bundles.listDeployments({ ...path, limit: 100, offset: all.length });
    all.push(...data);
    if (data.length < 100) return all;
  }
}

function countdown(from: number): number[] {
  return Array.from({ length: from }, (_, index) => from - index);
}
