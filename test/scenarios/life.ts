import { expect } from "vitest";
import { parsePublicKey, verifyDocument } from "../../src/sdk/index.js";
import type { AttestationView, Driver, WatchMessage } from "./drivers/driver.js";
import type { TestProject } from "./project.js";
import { Watching } from "./watching.js";

export const SCOPED = { "*:*:*:dev": { pii: { enabled: false } }, "acme:*:*:*": { abuse: { enabled: true } } };

/** Clients of one protocol. */
export interface Clients {
  readonly admin: Driver;
  /** With dev's runtime token. */
  readonly dev: Driver;
  /** With prod's runtime token. */
  readonly prod: Driver;
}

/**
 * Publishes twice, promotes both to prod, rolls prod back and deletes what is no longer active. Returns all that was answered on
 * the way; checks what no expectation can know beforehand: signatures and bytes.
 */
export async function liveThrough({ admin, dev, prod }: Clients, { place }: TestProject, policies: string) {
  await using watch = new Watching(dev);
  const seen = [await watch.nextChange()];
  const first = await admin.publish(place.dev, {
    policies,
    scopePolicies: JSON.stringify(SCOPED),
    publishedBy: "ci-bot",
    title: "First",
    description: "With scopes.",
    labels: { team: "trust", constructor: "x" },
    source: { repository: "policies", revision: "abc123", url: "https://example.com/abc123" },
  });
  seen.push(await watch.nextChange());
  const firstStaging = await admin.promote(place.dev, "rita");
  const firstProd = await admin.promote(place.staging, "rita");
  const document = JSON.parse(policies) as object;
  const changed = JSON.stringify({ ...document, added: { "Ünïcode \u{1f600}": [1, 0.00001, 1e21, null] } });
  const second = await admin.publish(place.dev, { policies: changed });
  seen.push(await watch.nextChange());
  const secondStaging = await admin.promote(place.dev);
  const secondProd = await admin.promote(place.staging);

  const newest = await prod.latest();
  const rollback = await admin.activate(place.prod, 1);
  const stale = await prod.latest({ "If-None-Match": `"${newest.etag}"` });
  const current = await prod.latest({ "If-None-Match": `"${stale.etag}"` });
  const contents = await Promise.all([1, 2].map((version) => admin.get(place.prod, version)));
  const diff = await admin.diff(place.prod, 2, 1);
  const back = await admin.diff(place.prod, 1, 1);
  const deployments = await admin.deployments(place.prod);
  const before = await admin.list(place.prod);

  await using prodWatch = new Watching(prod);
  const pushed = await prodWatch.nextChange();
  const kept = await admin.document(place.prod, 1);
  expect(stale.document).toBe(kept);
  expect(pushed.document).toBe(kept);
  expect(current.document).toBe("");
  expect(seen[1]?.document).toBe(await dev.document(place.dev, 1));
  expect(contents.map((content) => content.policies)).toEqual([document, JSON.parse(changed)]);
  await verifyAll(admin, [kept, newest.document, seen[1]?.document ?? "", seen[2]?.document ?? ""]);

  await admin.remove(place.prod, 2);
  return {
    transcript: {
      seen: seen.map(told),
      bundles: { first, firstStaging, firstProd, second, secondStaging, secondProd, rollback },
      scopes: contents.map((content) => content.scopePolicies),
      latest: [newest, stale, current].map(({ document: _document, ...rest }) => rest),
      pushed: told(pushed),
      diff,
      back,
      deployments,
      before: before.map(({ version, isActive, sequence }) => ({ version, isActive, sequence })),
      afterDeletion: await admin.list(place.prod),
      whoami: [await admin.whoami(), await prod.whoami()],
      purposes: (await prod.keys()).map(({ purpose, isCurrent }) => ({ purpose, isCurrent })),
    },
    refuseDeletion: () => admin.remove(place.prod, 1),
  };
}

async function verifyAll(client: Driver, documents: readonly string[]): Promise<void> {
  const keys = (await client.keys()).filter(({ purpose }) => purpose === "bundles");
  const parsed = keys.map(({ publicKeyPem }) => parsePublicKey(publicKeyPem));
  for (const document of documents) {
    const { keyId, identityIsSigned } = await verifyDocument(document, parsed, {});
    expect({ keyId, identityIsSigned }).toEqual({ keyId: keys[0]?.keyId, identityIsSigned: true });
    const tampered = document.replace('"policies":{', '"policies":{"evil":1,');
    await expect(verifyDocument(tampered, parsed, {})).rejects.toMatchObject({ reason: "hash" });
  }
}

/** What an event tells but for its document; of its attestation, which statements are there. */
function told({ document: _document, content, root, attestation, ...rest }: WatchMessage) {
  expect([content, root]).toEqual([null, null]);
  const attested = (["lease", "activation", "release", "proof"] as const).filter((of) => isThere(attestation, of));
  return { ...rest, attested };
}

function isThere(attestation: AttestationView | null, of: keyof AttestationView): boolean {
  return (attestation?.[of] ?? null) !== null;
}
