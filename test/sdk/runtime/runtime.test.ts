import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { createMemoryCache, SignetError, TrustError, type RuntimeStatus } from "../../../src/sdk/index.js";
import { keys } from "../../vectors/make/keys.js";
import {
  after,
  content,
  keyMap,
  leaseOf,
  ORG,
  pack,
  PROJECT,
  rule,
  sha256,
  signRoot,
  siteRoot,
  START,
} from "../../vectors/make/objects.js";
import { serverError } from "../scripted-server.js";
import { activationOf, heartbeatOf, rootOf, ScriptedSignet, until } from "./scripted-signet.js";

describe("a runtime", () => {
  it("is ready with what was proven, and says by whom and until when", async () => {
    const parts = await pack();
    await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
    await using runtime = await signet.runtime({ labels: { zone: "a" } });
    expect(runtime.status).toMatchObject({ state: "empty", transport: null });
    const current = await runtime.ready();
    expect(current).toEqual({
      policies: { limit: 100 },
      scopePolicies: {},
      content: '{"policies":{"limit":100},"scope_policies":{}}',
      hash: `sha256:${sha256(parts.content)}`,
      version: 7,
      sequence: 7,
      deploymentId: "66666666-0000-4000-8000-000000000007",
      kind: "publish",
      mediaType: "application/json",
      activatedAt: new Date(after(-3593)),
      release: {
        number: 3,
        authors: [keys.alice.key.keyId, keys.bob.key.keyId],
        expiresAt: null,
        source: { repository: "https://git.example/policies", revision: "4f1c2d", url: "" },
      },
      provenUntil: new Date(after(300)),
    });
    expect(runtime.current).toBe(current);
    expect(Object.isFrozen(current.policies)).toBe(true);
    expect(runtime.status).toMatchObject({ state: "fresh", transport: "connect", refusal: null, error: null });
    await until(() => signet.reports.length > 0);
    expect(signet.reports).toMatchObject([
      { state: "applied", sequence: 7, instanceId: "checkout-1", labels: { zone: "a" } },
    ]);
    expect(signet.requests).toMatchObject([{ afterSequence: 0, content: true, rootVersion: 1, labels: { zone: "a" } }]);
  });

  it("is fresh, stale, expired, and fresh again by the lease", async () => {
    const parts = await pack();
    let nowMs = Date.parse(START);
    await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
    const now = () => new Date(nowMs);
    await using serving = await signet.runtime({ now });
    await using closing = await signet.runtime({ now, onExpired: "close" });
    const states: RuntimeStatus["state"][] = [];
    closing.on("state", ({ state }) => states.push(state));
    await Promise.all([serving.ready(), closing.ready()]);
    const seen = [0, 199, 200, 299, 300, 5_000].map((seconds) => {
      nowMs = Date.parse(START) + seconds * 1000;
      return [seconds, closing.status.state, closing.current?.sequence ?? null, serving.current?.sequence ?? null];
    });
    expect(seen).toEqual([
      [0, "fresh", 7, 7],
      [199, "fresh", 7, 7],
      [200, "stale", 7, 7],
      [299, "stale", 7, 7],
      [300, "expired", null, 7],
      [5_000, "expired", null, 7],
    ]);
    expect(closing.status.since).toEqual(new Date(after(300)));
    const again = closing.ready();
    signet.push(heartbeatOf(await pack({ issuedAt: after(5_000) })));
    expect((await again).provenUntil).toEqual(new Date(after(5_300)));
    expect(states).toEqual(["fresh", "stale", "expired", "fresh"]);
  });

  it("expires with its release, whatever the lease says", async () => {
    const parts = await pack({ releaseExpiresAt: after(30) });
    let nowMs = Date.parse(START);
    await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
    await using runtime = await signet.runtime({ now: () => new Date(nowMs), onExpired: "close" });
    expect((await runtime.ready()).provenUntil).toEqual(new Date(after(30)));
    nowMs += 30_000;
    expect(runtime.status).toMatchObject({ state: "expired", provenUntil: null });
    expect(runtime.current).toBeNull();
  });

  it("follows keys that rotate with an overlap in one push, and keeps its floor", async () => {
    const { root, activation, lease, nextActivation, nextLease, alice, bob, carol } = keys;
    const overlap = siteRoot({
      version: 2,
      keys: keyMap(...root, activation, nextActivation, lease, nextLease, alice, bob, carol),
      roles: { ...siteRoot().roles, activation: rule(1, activation, nextActivation), lease: rule(1, lease, nextLease) },
    });
    const before = await pack();
    const next = { issuedAt: after(1), rootVersion: 2, activationKeys: [nextActivation], leaseKeys: [nextLease] };
    const after2 = await pack({ ...next, sequence: 8, bytes: content(200) });
    await using signet = await ScriptedSignet.start(() => [activationOf(before)]);
    await using runtime = await signet.runtime();
    const sequences: number[] = [];
    runtime.on("update", ({ sequence }) => sequences.push(sequence));
    await runtime.ready();
    signet.push(rootOf(2, await signRoot(overlap)), activationOf(after2));
    await until(() => runtime.current?.sequence === 8);
    // One of before is below the floor.
    signet.push(activationOf(await pack({ issuedAt: after(2), rootVersion: 2 })));
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status.refusal).toMatchObject({ code: "rolled_back", sequence: 7 });
    expect(sequences).toEqual([7, 8]);
    await until(() => signet.requests.length > 1);
    expect(signet.requests[1]).toMatchObject({ afterSequence: 8, rootVersion: 2 });
  });

  it("follows new keys alone to a lower sequence: the floor falls with the keys that set it", async () => {
    const { root, nextActivation, nextLease, alice, bob, carol } = keys;
    const recovered = siteRoot({
      version: 2,
      keys: keyMap(...root, nextActivation, nextLease, alice, bob, carol),
      roles: { ...siteRoot().roles, activation: rule(1, nextActivation), lease: rule(1, nextLease) },
    });
    const seized = await pack({ sequence: 900 });
    const next = { issuedAt: after(1), rootVersion: 2, activationKeys: [nextActivation], leaseKeys: [nextLease] };
    const after2 = await pack({ ...next, sequence: 8, bytes: content(200) });
    await using signet = await ScriptedSignet.start(() => [activationOf(seized)]);
    await using runtime = await signet.runtime({ cache: createMemoryCache() });
    await runtime.ready();
    signet.push(rootOf(2, await signRoot(recovered)), activationOf(after2));
    await until(() => runtime.current?.sequence === 8);
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: null });
  });

  it("asks for all that is active when a lease alone is not enough after a change of keys", async () => {
    const { root, nextActivation, nextLease, alice, bob, carol } = keys;
    const changed = siteRoot({
      version: 2,
      keys: keyMap(...root, nextActivation, nextLease, alice, bob, carol),
      roles: { ...siteRoot().roles, activation: rule(1, nextActivation), lease: rule(1, nextLease) },
    });
    const again = await pack({
      ...{ issuedAt: after(1), rootVersion: 2, activationKeys: [nextActivation], leaseKeys: [nextLease] },
    });
    await using signet = await ScriptedSignet.start(() => []);
    signet.script = await (async () => {
      const first = activationOf(await pack());
      return () => [first];
    })();
    const push = activationOf(again);
    signet.latest = push.event.case === "activation" ? (push.event.value.attestation ?? "") : "";
    await using runtime = await signet.runtime();
    await runtime.ready();
    signet.push(rootOf(2, await signRoot(changed)), heartbeatOf(again));
    await until(() => runtime.current?.provenUntil.toISOString() === new Date(after(301)).toISOString());
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: null });
    expect(signet.requests).toHaveLength(1);
  });

  it.each([
    ["close", null],
    ["serve", 7],
  ] as const)("that was revoked by a newer root: %s", async (onRevoked, served) => {
    const parts = await pack();
    const revoking = siteRoot({ version: 2, revoked: [sha256(parts.content)] });
    await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
    await using runtime = await signet.runtime({ onRevoked });
    await runtime.ready();
    signet.script = () => [];
    signet.push(rootOf(2, await signRoot(revoking)), heartbeatOf(await pack({ issuedAt: after(1), rootVersion: 2 })));
    await until(() => runtime.status.state === "revoked");
    expect(runtime.current?.sequence ?? null).toBe(served);
    await until(() => signet.requests.length > 1);
    signet.push(activationOf(await pack({ sequence: 8, bytes: content(1), issuedAt: after(2), rootVersion: 2 })));
    await until(() => runtime.current?.sequence === 8);
    expect(runtime.status.state).toBe("fresh");
  });

  it("runs what is activated under the id of a deployment of before", async () => {
    await using signet = await ScriptedSignet.start(() => []);
    await using runtime = await signet.runtime();
    await until(() => signet.requests.length > 0);
    const updates: number[] = [];
    runtime.on("update", ({ sequence }) => updates.push(sequence));
    signet.push(activationOf(await pack()));
    const { deploymentId } = await runtime.ready();
    const again = { bytes: content(200), issuedAt: after(1), activation: { deploymentId } };
    signet.push(activationOf(await pack({ ...again, sequence: 8 })));
    await until(() => runtime.status.refusal !== null || runtime.current?.sequence === 8);
    expect(runtime.current).toMatchObject({ sequence: 8, deploymentId, policies: { limit: 200 } });
    expect(updates).toEqual([7, 8]);
    await until(() => signet.reports.length > 1);
    expect(signet.reports).toMatchObject([{ sequence: 7 }, { sequence: 8, state: "applied" }]);
  });

  it("is empty again when nothing is active any more, and starts from there", async () => {
    await using signet = await ScriptedSignet.start(() => []);
    await using runtime = await signet.runtime();
    await until(() => signet.requests.length > 0);
    signet.push(activationOf(await pack({ issuedAt: after(0) })));
    await runtime.ready();
    const nothing = await leaseOf({
      ...{ orgId: ORG, projectId: PROJECT, environment: "prod", rootVersion: 1, sequence: 0, activation: null },
      ...{ issuedAt: after(1), expiresAt: after(301) },
    });
    signet.push(heartbeatOf({ ...(await pack()), lease: nothing }));
    await until(() => runtime.status.refusal !== null);
    expect(runtime.status).toMatchObject({ state: "fresh", refusal: { code: "rolled_back" } });
    expect(runtime.current?.sequence).toBe(7);
  });

  it("yields the newest to who is slow, and ends a wait when it is left or closed", async () => {
    await using signet = await ScriptedSignet.start(() => []);
    await using runtime = await signet.runtime();
    await until(() => signet.requests.length > 0);
    const slow = runtime.updates()[Symbol.asyncIterator]();
    for (const sequence of [7, 8, 9]) {
      signet.push(activationOf(await pack({ sequence, bytes: content(sequence), issuedAt: after(sequence - 7) })));
      await until(() => runtime.current?.sequence === sequence);
    }
    expect((await slow.next()).value).toMatchObject({ sequence: 9, policies: { limit: 9 } });
    const waiting = slow.next();
    await slow.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const other = runtime.updates()[Symbol.asyncIterator]();
    expect((await other.next()).value).toMatchObject({ sequence: 9 });
    const last = other.next();
    await runtime.close();
    expect(await last).toEqual({ done: true, value: undefined });
    await expect(runtime.ready()).resolves.toMatchObject({ sequence: 9 });
  });

  it("tells ready why there is nothing: a refused token, a refused update, the time", async () => {
    await using signet = await ScriptedSignet.start(() => serverError(Code.Unauthenticated, "unauthenticated"));
    const slow = { baseMs: 100_000, maxMs: 100_000, random: () => 0.5 };
    await using refused = await signet.runtime({ backoff: slow });
    const error = await refused.ready().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SignetError);
    expect(error).toMatchObject({ code: "unauthenticated", isFromServer: true });
    expect(refused.status).toMatchObject({ transport: null, error: { code: "unauthenticated" }, state: "empty" });
    expect(refused.status.nextRetryAt).not.toBeNull();

    const forged = await pack({ leaseKeys: [keys.stranger] });
    signet.script = () => [activationOf(forged)];
    await using strange = await signet.runtime({ refusalBackoff: slow });
    const refusal = await strange.ready().catch((thrown: unknown) => thrown);
    expect(refusal).toBeInstanceOf(TrustError);
    expect(refusal).toMatchObject({ code: "bad_signature" });
    await expect(strange.ready({ timeoutMs: 5 })).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("refused, bad_signature") as string,
    });
    const controller = new AbortController();
    const cancelled = strange.ready({ signal: controller.signal });
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
  });

  it("refuses a root that is damaged or of another project, before it calls anybody", async () => {
    await using signet = await ScriptedSignet.start();
    const root = await signRoot(siteRoot());
    const cases = [
      [{ trust: { root: root.replace(/"sig":"./, '"sig":"_') } }, "bad_signature"],
      [{ trust: { root }, identity: { orgId: ORG, projectId: ORG, environment: "prod" } }, "wrong_identity"],
      [{ trust: { root: "{}" } }, "malformed"],
    ] as const;
    for (const [options, code] of cases) await expect(signet.runtime(options)).rejects.toMatchObject({ code });
    expect(signet.requests).toEqual([]);
  });

  it("trusts pinned keys at level 0, without roots and releases", async () => {
    const parts = await pack({ number: null, leaseKeys: [keys.activation], rootVersion: 5 });
    await using signet = await ScriptedSignet.start(() => [activationOf(parts)]);
    await using runtime = await signet.runtime({ trust: { keys: [keys.activation.signer.publicKeyPem] } });
    expect(await runtime.ready()).toMatchObject({ sequence: 7, release: null });
    expect(signet.requests).toMatchObject([{ rootVersion: 0 }]);
    await until(() => signet.reports.length > 0);
    expect(signet.reports[0]?.keyIds).toEqual([keys.activation.key.keyId]);
  });
});
