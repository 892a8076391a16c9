import { describe, expect, it } from "vitest";
import type { WatchBundleResponse } from "../../../gen/signet/v1/runtime_pb.js";
import { formatAttestation } from "../../../src/bundle/trust/attestation.js";
import { keys } from "../../vectors/make/keys.js";
import {
  after,
  content,
  OTHER_PROJECT,
  pack,
  sha256,
  signRoot,
  siteRoot,
  type PackOptions,
} from "../../vectors/make/objects.js";
import { activationOf, heartbeatOf, rootOf, ScriptedSignet, until } from "./scripted-signet.js";

/** What follows the pack that runs: sequence 8, a second later, but for what is changed. */
async function next(changes: PackOptions = {}): Promise<WatchBundleResponse[]> {
  return [activationOf(await pack({ sequence: 8, bytes: content(200), issuedAt: after(1), ...changes }))];
}

async function stripped(field: "lease" | "activation" | "release"): Promise<WatchBundleResponse[]> {
  const parts = await pack({ sequence: 8, bytes: content(200), issuedAt: after(1) });
  return [activationOf(parts, { attestation: formatAttestation({ ...parts, proof: null, [field]: null }) })];
}

async function withActivation(activation: string): Promise<WatchBundleResponse[]> {
  const parts = await pack({ sequence: 8, bytes: content(200), issuedAt: after(1) });
  return [activationOf(parts, { attestation: formatAttestation({ ...parts, proof: null, activation }) })];
}

async function withContent(change: (text: string) => string): Promise<WatchBundleResponse[]> {
  const parts = await pack({ sequence: 8, bytes: content(200), issuedAt: after(1) });
  return [activationOf(parts, { content: change(new TextDecoder().decode(parts.content)) })];
}

async function withRoot(version: number, root = siteRoot({ version: 2 }), by = keys.root.slice(0, 2)) {
  return [rootOf(version, await signRoot(root, by)), ...(await next({ rootVersion: 2 }))];
}

const { alice, bob, stranger, root } = keys;
const replayed = async () => [activationOf(await pack({ sequence: 6, issuedAt: after(1) }))];

const CASES: readonly (readonly [name: string, code: string, push: () => Promise<WatchBundleResponse[]>])[] = [
  ["no attestation at all", "malformed", async () => [activationOf(await pack({ sequence: 8 }), { attestation: "" })]],
  ["stripped lease", "malformed", () => stripped("lease")],
  ["stripped activation", "malformed", () => stripped("activation")],
  ["stripped release", "release_missing", () => stripped("release")],
  ["signed by a stranger", "bad_signature", () => next({ leaseKeys: [stranger] })],
  ["another environment's pack", "wrong_identity", () => next({ lease: { environment: "dev" } })],
  ["another project's", "wrong_identity", () => next({ projectId: OTHER_PROJECT })],
  ["released for dev", "release_missing", () => next({ released: new Map([["dev", sha256(content(200))]]) })],
  [
    "released with another content",
    "digest_mismatch",
    () => next({ released: new Map([["prod", sha256(content(1))]]) }),
  ],
  ["one author twice", "bad_signature", () => next({ authors: [alice, alice] })],
  ["one of two authors", "bad_signature", () => next({ authors: [bob] })],
  ["an expired release", "release_expired", () => next({ releaseExpiresAt: after(-1) })],
  ["replay of an older pack", "rolled_back", replayed],
  ["two activations with one sequence", "equivocation", () => next({ sequence: 7 })],
  ["an older lease", "lease_older", () => next({ issuedAt: after(-1) })],
  ["a lease from the future", "clock", () => next({ issuedAt: after(61) })],
  ["a lease that ran out", "lease_expired", () => next({ issuedAt: after(0), seconds: 0 })],
  ["a root that is not served", "root_withheld", () => next({ rootVersion: 2 })],
  ["a root that skips", "root_version", () => withRoot(2, siteRoot({ version: 3 }))],
  ["a root signed by one old key", "bad_signature", () => withRoot(2, undefined, [root[0]])],
  ["a root that ran out", "root_expired", () => withRoot(2, siteRoot({ version: 2, expiresAt: after(-1) }))],
  ["longer content", "too_large", () => withContent((text) => `${text} `)],
  ["shorter content", "truncated", () => withContent((text) => text.slice(1))],
  ["changed content", "digest_mismatch", () => withContent((text) => text.replace("200", "201"))],
  ["content that is no policies", "malformed", () => next({ bytes: new TextEncoder().encode("[]") })],
  ["a content of 1 TB", "too_large", () => next({ activation: { size: 1e12 } })],
  ["an envelope of 200 KB", "too_large", () => withActivation(`{"payload":"${"A".repeat(200_000)}"}`)],
];

describe("a runtime refuses, keeps what it has, and reports", () => {
  it.each(CASES)("%s: %s", async (_, code, push) => {
    const good = activationOf(await pack());
    await using signet = await ScriptedSignet.start(() => [good]);
    // One more attempt, and then none for a day.
    let waits = 0;
    const random = () => ((waits += 1) > 1 ? 0.999 : 0);
    await using runtime = await signet.runtime({ refusalBackoff: { baseMs: 86_400_000, maxMs: 86_400_000, random } });
    const sequences: number[] = [];
    runtime.on("update", ({ sequence }) => sequences.push(sequence));
    await runtime.ready();
    const bad = await push();
    signet.script = () => bad;
    signet.push(...bad);
    await until(() => runtime.status.nextRetryAt !== null && waits === 2);
    expect(runtime.status).toMatchObject({
      state: "fresh",
      transport: "connect",
      refusal: { code },
      error: { code: "invalid" },
    });
    expect(runtime.current).toMatchObject({ sequence: 7, policies: { limit: 100 } });
    expect(sequences).toEqual([7]);
    expect(signet.requests).toHaveLength(2);
    await until(() => signet.reports.some(({ state }) => state === "rejected"));
    // Once, though it was refused twice.
    expect(signet.reports.filter(({ state }) => state === "rejected")).toMatchObject([
      { reason: expect.stringMatching(new RegExp(`^${code}: `)) as string },
    ]);
  });

  it("nothing of it once the server is good again", async () => {
    const good = activationOf(await pack());
    await using signet = await ScriptedSignet.start(() => [good]);
    await using runtime = await signet.runtime();
    await runtime.ready();
    signet.push(...(await stripped("release")));
    await until(() => runtime.status.refusal !== null);
    const better = await next();
    signet.script = () => better;
    signet.cut();
    await until(() => runtime.current?.sequence === 8);
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: null, error: null, transport: "connect" });
    signet.push(heartbeatOf(await pack({ sequence: 8, bytes: content(200), issuedAt: after(30) })));
    await until(() => runtime.current?.provenUntil.getTime() === Date.parse(after(330)));
    await until(() => signet.reports.at(-1)?.state === "applied");
  });

  it("takes at once what is newer than what it refused, on the connection that it has", async () => {
    const good = activationOf(await pack());
    await using signet = await ScriptedSignet.start(() => [good]);
    const never = { baseMs: 86_400_000, maxMs: 86_400_000, random: () => 0.999 };
    await using runtime = await signet.runtime({ refusalBackoff: never });
    await runtime.ready();
    const revoked = siteRoot({ version: 2, revoked: [sha256(content(100))] });
    const corrected = await pack({ sequence: 9, bytes: content(200), issuedAt: after(2), rootVersion: 2 });
    const again = await pack({ issuedAt: after(1), rootVersion: 2 });
    signet.push(rootOf(2, await signRoot(revoked, keys.root.slice(0, 2))), activationOf(again));
    await until(() => runtime.status.state === "revoked" && runtime.status.nextRetryAt !== null);
    expect(runtime.current).toBeNull();
    // Of what was refused, nothing more is looked at.
    signet.push(heartbeatOf(again), activationOf(again));
    signet.push(...(await stripped("release")), activationOf(corrected));
    await until(() => runtime.current?.sequence === 9);
    expect(runtime.status).toMatchObject({
      ...{ state: "fresh", transport: "connect", refusal: null, error: null, nextRetryAt: null },
      ...{ connections: 1, refusals: 2 },
    });
    expect(signet.requests).toHaveLength(1);
  });

  it("leaves a server that says something else and bad each time, and waits", async () => {
    const good = activationOf(await pack());
    await using signet = await ScriptedSignet.start(() => [good]);
    const never = { baseMs: 86_400_000, maxMs: 86_400_000, random: () => 0.999 };
    await using runtime = await signet.runtime({ refusalBackoff: never });
    await runtime.ready();
    for (let sequence = 8; sequence < 20; sequence += 1) {
      signet.push(activationOf(await pack({ sequence, authors: [bob], issuedAt: after(1) })));
    }
    await until(() => runtime.status.transport === null);
    expect(runtime.status).toMatchObject({ refusals: 9, connections: 1, state: "fresh" });
    expect(signet.requests).toHaveLength(1);
  });
});
