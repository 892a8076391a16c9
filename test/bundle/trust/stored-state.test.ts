import { beforeAll, describe, expect, it } from "vitest";
import { TrustError } from "../../../src/bundle/trust/trust-error.js";
import type { Root } from "../../../src/bundle/trust/root.js";
import { pinnedRoot } from "../../../src/bundle/trust/root.js";
import { formatAttestation } from "../../../src/bundle/trust/attestation.js";
import {
  conditionOf,
  emptyState,
  floorOf,
  parseTrustState,
  storedState,
  type TrustedState,
} from "../../../src/bundle/trust/trust-state.js";
import { verifyUpdate, type UpdateSource } from "../../../src/bundle/trust/update.js";
import { verifyNextRoot, verifyPinnedRoot } from "../../../src/bundle/trust/verify-objects.js";
import { verifyState } from "../../../src/bundle/trust/verify-state.js";
import { nodeVerifier as verifier } from "../../../src/service/keys/ed25519-node.js";
import { keys } from "../../vectors/make/keys.js";
import {
  after,
  content,
  ORG,
  pack,
  PROJECT,
  sha256,
  signRoot,
  siteRoot,
  START,
  type Pack,
} from "../../vectors/make/objects.js";

const identity = { orgId: ORG, projectId: PROJECT, environment: "prod" };
const options = { identity, verifier };

function sourceOf(parts: Pack, roots: Readonly<Record<number, string>> = {}): UpdateSource {
  return {
    root: async (version) => roots[version] ?? null,
    attestation: async () => formatAttestation({ ...parts, proof: null }),
    content: async () => parts.content,
  };
}

let root: Root;
let parts: Pack;
let held: TrustedState;
let v2: string;

beforeAll(async () => {
  root = await verifyPinnedRoot(await signRoot(siteRoot()), identity, verifier);
  parts = await pack();
  v2 = await signRoot(siteRoot({ version: 2 }));
  const update = await verifyUpdate(emptyState(root, identity), sourceOf(parts, { 2: v2 }), {
    now: new Date(START),
    verifier,
  });
  expect(update).toMatchObject({ outcome: "activated", error: null });
  held = update.trusted;
});

/** A start from a state of this text. */
async function start(text: string, bytes: Uint8Array | null = parts.content, pinned = root) {
  return await verifyState(parseTrustState(text), pinned, bytes, options);
}

describe("what a disk held", () => {
  it("is verified as if it came from a stranger, and is then what it was", async () => {
    const { trusted, content: bytes, error } = await start(JSON.stringify(storedState(held)));
    expect({ trusted, bytes, error }).toEqual({ trusted: held, bytes: parts.content, error: null });
    expect(await verifyState(null, root, null, options)).toEqual({
      trusted: emptyState(root, identity),
      content: null,
      error: null,
    });
  });

  it("never gives another state, whatever byte of it changes", async () => {
    const text = JSON.stringify(storedState(held));
    let same = 0;
    for (let at = 0; at < text.length; at += 7) {
      const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
      const result = await start(changed).catch((thrown: unknown) => {
        expect(thrown).toBeInstanceOf(TrustError);
        return null;
      });
      if (result === null) continue;
      const { trusted, content: bytes } = result;
      expect(floorOf(trusted).sequence, `byte ${at}`).toBeLessThanOrEqual(7);
      if (bytes === null) continue;
      // What may change is what decides nothing: a keyid, the hint of a version, a field that is now unknown.
      expect([trusted.running, bytes], `byte ${at}`).toEqual([held.running, parts.content]);
      same++;
    }
    expect(same).toBeGreaterThan(0);
  });

  it.each(["lease", "activation", "release"] as const)(
    "keeps the floor when its %s is lost or changed",
    async (name) => {
      for (const envelope of [null, "{}", parts.lease.replace('"sig":"', '"sig":"AAAA')]) {
        const { trusted, content: bytes } = await start(JSON.stringify({ ...storedState(held), [name]: envelope }));
        expect(floorOf(trusted).sequence).toBe(7);
        expect(bytes === null).toBe(name !== "lease");
        expect(conditionOf(trusted, Date.parse(START)).condition).toBe(name === "lease" ? "expired" : "empty");
        const replay = await verifyUpdate(trusted, sourceOf(await pack({ sequence: 6 })), {
          now: new Date(START),
          verifier,
        });
        expect(replay.error?.code).toBe("rolled_back");
      }
    },
  );

  it.each([
    ["lost", null],
    ["shorter", new Uint8Array(3)],
    ["changed", content(101)],
  ])("does not run a content that is %s, and fetches it again", async (what, bytes) => {
    const { trusted, content: kept, error } = await start(JSON.stringify(storedState(held)), bytes);
    expect([kept, trusted.running, error?.code]).toEqual([null, null, what === "lost" ? undefined : "digest_mismatch"]);
    const update = await verifyUpdate(trusted, sourceOf(parts), { now: new Date(START), verifier });
    expect(update).toMatchObject({ outcome: "activated", content: parts.content, error: null });
  });

  it("is not another environment's", async () => {
    const other = { ...storedState(held), identity: { ...identity, environment: "dev" } };
    const { trusted, content: bytes, error } = await start(JSON.stringify(other));
    expect([trusted, bytes, error?.code]).toEqual([emptyState(root, identity), null, "wrong_identity"]);
  });

  it("goes on from a pinned root that is newer than when it was stored", async () => {
    const newer = await verifyNextRoot(v2, root, verifier);
    const { trusted, content: bytes, error } = await start(JSON.stringify(storedState(held)), parts.content, newer);
    expect([trusted.root.version, trusted.roots, bytes, error]).toEqual([2, [], parts.content, null]);
  });

  it("does not run what the stored root revokes without saying so", async () => {
    const revoking = await signRoot(siteRoot({ version: 3, revoked: [sha256(parts.content)] }));
    const roots = [...held.roots, { version: 3, envelope: revoking }];
    const { trusted, content: bytes } = await start(JSON.stringify({ ...storedState(held), roots }));
    expect(conditionOf(trusted, Date.parse(START))).toEqual({ condition: "revoked", until: null });
    expect([bytes, floorOf(trusted).sequence]).toEqual([parts.content, 7]);
  });

  it.each(["", "[]", "null", "{}", '{"type":"signet-state/1"}', '{"type":"signet-state/2"}'])(
    "is refused as %s",
    (text) => expect(() => parseTrustState(text)).toThrow(expect.objectContaining({ code: "malformed" })),
  );
});

describe("level 0, pinned keys", () => {
  const level0 = pinnedRoot([keys.lease.key, keys.activation.key]);

  it("verifies lease and activation, follows no root and asks for no release", async () => {
    const asked: number[] = [];
    const source: UpdateSource = {
      ...sourceOf(await pack({ rootVersion: 5, number: null })),
      root: async (version) => {
        asked.push(version);
        return v2;
      },
    };
    const update = await verifyUpdate(emptyState(level0, identity), source, { now: new Date(START), verifier });
    expect(update).toMatchObject({ outcome: "activated", error: null });
    expect(asked).toEqual([]);
    const again = await verifyState(storedState(update.trusted), level0, update.content, options);
    expect(again.trusted).toEqual(update.trusted);
    expect(conditionOf(again.trusted, Date.parse(START))).toEqual({ condition: "fresh", until: after(300) });
  });

  it("refuses what other keys signed, and other environments", async () => {
    const other = pinnedRoot([keys.stranger.key]);
    const now = new Date(START);
    const refused = await verifyUpdate(emptyState(other, identity), sourceOf(parts), { now, verifier });
    expect(refused.error?.code).toBe("bad_signature");
    const dev = sourceOf(await pack({ environment: "dev", number: null }));
    expect((await verifyUpdate(emptyState(level0, identity), dev, { now, verifier })).error?.code).toBe(
      "wrong_identity",
    );
  });

  it("loses its floors with its keys, and nothing else", async () => {
    const other = pinnedRoot([keys.nextLease.key, keys.nextActivation.key]);
    const { trusted, content: bytes, error } = await start(JSON.stringify(storedState(held)), parts.content, other);
    expect([floorOf(trusted).sequence, bytes, error?.code]).toEqual([0, null, "bad_signature"]);
  });
});
