import { describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { formatAttestation } from "../../../src/bundle/trust/attestation.js";
import { conditionOf, emptyState, storedState, type TrustedState } from "../../../src/bundle/trust/trust-state.js";
import { verifyUpdate, type UpdateSource } from "../../../src/bundle/trust/update.js";
import { verifyPinnedRoot } from "../../../src/bundle/trust/verify-objects.js";
import { verifyState } from "../../../src/bundle/trust/verify-state.js";
import { after, ORG, pack, PROJECT, signRoot, siteRoot, START, type Pack } from "../../vectors/make/objects.js";

const identity = { orgId: ORG, projectId: PROJECT, environment: "prod" };
const verifier = nobleVerifier;

function sourceOf(parts: Pack, roots: Readonly<Record<number, string>> = {}): UpdateSource {
  return {
    root: async (version) => roots[version] ?? null,
    attestation: async () => formatAttestation({ ...parts, proof: null }),
    content: async () => parts.content,
  };
}

async function pinned() {
  return await verifyPinnedRoot(await signRoot(siteRoot()), identity, verifier);
}

async function update(state: TrustedState, parts: Pack, now = START, roots: Readonly<Record<number, string>> = {}) {
  return await verifyUpdate(state, sourceOf(parts, roots), { now: new Date(now), verifier });
}

describe("an update", () => {
  it("activates, is renewed without reading anything again, and is found again by a restart", async () => {
    const root = await pinned();
    const parts = await pack();
    const first = await update(emptyState(root, identity), parts);
    expect(first).toMatchObject({ outcome: "activated", error: null, content: parts.content });
    expect(conditionOf(first.trusted, Date.parse(START))).toEqual({ condition: "fresh", until: after(300) });
    expect(conditionOf(first.trusted, Date.parse(after(300)))).toEqual({ condition: "expired", until: null });

    const renewed = await update(first.trusted, await pack({ issuedAt: after(60) }), after(60));
    expect(renewed).toMatchObject({ outcome: "renewed", error: null, content: null });
    expect(conditionOf(renewed.trusted, Date.parse(after(60)))).toEqual({ condition: "fresh", until: after(360) });

    const stored = storedState(renewed.trusted);
    const start = await verifyState(stored, root, parts.content, { identity, verifier });
    expect(start).toMatchObject({ error: null, content: parts.content });
    expect(start.trusted).toEqual(renewed.trusted);
  });
});
