import { describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { formatAttestation } from "../../../src/bundle/trust/attestation.js";
import type { Root } from "../../../src/bundle/trust/root.js";
import { conditionOf, emptyState, storedState, type TrustedState } from "../../../src/bundle/trust/trust-state.js";
import { verifyUpdate, type UpdateSource } from "../../../src/bundle/trust/update.js";
import { verifyPinnedRoot } from "../../../src/bundle/trust/verify-objects.js";
import { verifyState } from "../../../src/bundle/trust/verify-state.js";
import { nodeVerifier } from "../../../src/service/keys/ed25519-node.js";
import { keys } from "../../vectors/make/keys.js";
import {
  after,
  keyMap,
  ORG,
  pack,
  PROJECT,
  rule,
  signRoot,
  siteRoot,
  START,
  type Pack,
} from "../../vectors/make/objects.js";

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

describe("an update that is refused", () => {
  it("keeps the roots that it followed, and what runs", async () => {
    const first = await update(emptyState(await pinned(), identity), await pack());
    const v2 = await signRoot(siteRoot({ version: 2 }));
    const bad = await pack({ sequence: 6, issuedAt: after(60), rootVersion: 2 });
    const refused = await update(first.trusted, bad, after(60), { 2: v2 });
    expect(refused).toMatchObject({ outcome: "refused", content: null, error: { code: "rolled_back" } });
    expect(refused.trusted).toMatchObject({ root: { version: 2 }, running: { sequence: 7 }, isProven: true });
    expect(storedState(refused.trusted).roots).toEqual([{ version: 2, envelope: v2 }]);
  });

  it("by the source's own failure is not a refusal", async () => {
    const away = new Error("away");
    const source = { ...sourceOf(await pack()), attestation: () => Promise.reject(away) };
    const now = new Date(START);
    await expect(verifyUpdate(emptyState(await pinned(), identity), source, { now, verifier })).rejects.toBe(away);
  });

  it("reads no more of a content than it declares, and none that is too large", async () => {
    const parts = await pack();
    const asked: number[] = [];
    const source = {
      ...sourceOf(parts),
      content: async (size: number) => {
        asked.push(size);
        return parts.content;
      },
    };
    const now = new Date(START);
    const state = emptyState(await pinned(), identity);
    const small = await verifyUpdate(state, source, { now, verifier, maxBytes: parts.content.length - 1 });
    expect([small.error?.code, asked]).toEqual(["too_large", []]);
    await verifyUpdate(state, source, { now, verifier, maxBytes: parts.content.length });
    expect(asked).toEqual([parts.content.length]);
  });
});

describe("an environment that is empty for a while", () => {
  it("keeps the authors' floor, also when the server's own keys were replaced", async () => {
    const { root, nextActivation, nextLease, alice, bob, carol } = keys;
    const released = siteRoot({ rollback: "release" });
    const replaced: Root = {
      ...released,
      version: 2,
      keys: keyMap(...root, nextActivation, nextLease, alice, bob, carol),
      roles: { ...released.roles, activation: rule(1, nextActivation), lease: rule(1, nextLease) },
    };
    const first = await verifyPinnedRoot(await signRoot(released), identity, verifier);
    const before = await update(emptyState(first, identity), await pack({ number: 4 }));
    const by = { rootVersion: 2, activationKeys: [nextActivation], leaseKeys: [nextLease] };
    const nothing = await pack({ ...by, issuedAt: after(1), lease: { sequence: 0, activation: null } });
    const emptied = await update(before.trusted, nothing, after(1), { 2: await signRoot(replaced) });
    expect(emptied).toMatchObject({ outcome: "emptied", trusted: { running: null } });
    const stored = storedState(emptied.trusted);
    const { trusted } = await verifyState(stored, first, null, { identity, verifier });
    const lower = await update(trusted, await pack({ ...by, number: 3, issuedAt: after(2) }), after(2));
    expect(lower.error?.code).toBe("rolled_back");
    const higher = await update(trusted, await pack({ ...by, number: 5, issuedAt: after(2) }), after(2));
    expect(higher.outcome).toBe("activated");
  });
});

describe("many roots", () => {
  it("are followed 64 at a time; the next update goes on", async () => {
    const roots: Record<number, string> = {};
    for (let version = 2; version <= 80; version++) roots[version] = await signRoot(siteRoot({ version }));
    const parts = await pack({ rootVersion: 80 });
    const asked: number[] = [];
    const source = {
      ...sourceOf(parts),
      root: async (version: number) => {
        asked.push(version);
        return roots[version] ?? null;
      },
    };
    const options = { now: new Date(START), verifier: nodeVerifier };
    const first = await verifyUpdate(emptyState(await pinned(), identity), source, options);
    expect([first.error?.code, first.trusted.root.version, asked.length]).toEqual(["root_withheld", 65, 64]);
    const second = await verifyUpdate(first.trusted, source, options);
    expect([second.outcome, second.trusted.root.version]).toEqual(["activated", 80]);
  });
});
