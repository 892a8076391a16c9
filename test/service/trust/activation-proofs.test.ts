import { beforeEach, describe, expect, it } from "vitest";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { parseAttestation } from "../../../src/bundle/trust/attestation.js";
import { LEASE_TYPE, parseLease } from "../../../src/bundle/trust/lease.js";
import { payloadDigest, requireThreshold } from "../../../src/bundle/trust/threshold.js";
import { timeMs } from "../../../src/bundle/trust/trust-time.js";
import type { Deployment } from "../../../src/core/bundle.js";
import { AppError } from "../../../src/core/error.js";
import { Freshness } from "../../../src/service/access/freshness.js";
import { NO_WARNINGS } from "../../../src/service/changes/observers.js";
import { ActivationProofs } from "../../../src/service/trust/activation-proofs.js";
import { Attester } from "../../../src/service/trust/attester.js";
import { KeptAttestations } from "../../../src/service/trust/kept-attestations.js";
import type { Proof } from "../../../src/service/trust/proofs.js";
import type { Store } from "../../../src/store/store.js";
import { useServices } from "../fixture.js";

describe("the proof of what is active", () => {
  const api = useServices();
  let environmentId = "";
  let silenceMs = 0;
  let silenceAfterRead = 0;
  let reads = 0;
  let failure: AppError | null = null;
  const unattested: string[] = [];

  beforeEach(async () => {
    environmentId = (await api.environment("dev")).id;
    unattested.length = 0;
    silenceMs = 0;
    silenceAfterRead = 0;
    failure = null;
  });

  /** The proofs of one node; `reads` counts what they read. */
  function node(attester = api.services.attester): ActivationProofs {
    const { clock, services } = api;
    const read = new Proxy(api.store.read, {
      get: (target, name: keyof Store["read"]) => {
        reads += 1;
        silenceMs = Math.max(silenceMs, silenceAfterRead);
        if (failure !== null) return () => Promise.reject(failure ?? new Error());
        return target[name];
      },
    });
    const store = { read, write: api.store.write.bind(api.store) } as unknown as Store;
    const { releaseRules } = services;
    const digestsOf = () => Promise.reject(new Error("all are attested"));
    return new ActivationProofs(
      {
        ...{ store, clock, attester, rootDocuments: services.rootDocuments, leaseSeconds: 300 },
        attestations: new KeptAttestations({ store, clock, audit: services.audit, attester, releaseRules, digestsOf }),
        freshness: new Freshness(() => silenceMs, clock),
        warnings: { ...NO_WARNINGS, unattested: (id) => void unattested.push(id) },
      },
      services.wakeups,
    );
  }

  async function active(): Promise<Deployment | null> {
    return (await api.services.active.read(environmentId))?.deployment ?? null;
  }

  const proofOf = async (proofs: ActivationProofs): Promise<Proof> =>
    (await proofs.of(environmentId, await active())) ?? expect.fail("no proof");

  async function leaseOf({ lease }: Proof) {
    const rule = { threshold: 1, keys: [parsePublicKey(api.data.keys.attestation.publicKeyPem)] };
    return parseLease(await requireThreshold(parseAttestation(lease).lease ?? "", LEASE_TYPE, rule, nobleVerifier));
  }

  /** To the last second. */
  const toTheEnd = (endMs: number) => api.clock.advanceSeconds((endMs - api.clock.now().getTime()) / 1000 - 1);

  it("names the activation, and lives for five minutes", async () => {
    const { deploymentId } = await api.publish("dev");
    const proof = await proofOf(node());
    const { lease, activation, release, proof: logged } = parseAttestation(proof.attestation);
    expect([release, logged, proof.sequence, proof.rootVersion]).toEqual([null, null, 1, 0]);
    expect(parseAttestation(proof.lease).lease).toBe(lease);
    expect(Buffer.from(proof.header, "base64url").toString()).toBe(lease);
    const said = await leaseOf(proof);
    const { digest, envelope } =
      (await api.store.read.activationAttestation(deploymentId ?? "")) ?? expect.fail("not attested");
    expect(said).toMatchObject({
      ...{ orgId: api.orgId, projectId: api.projectId, environment: "dev" },
      ...{ sequence: 1, rootVersion: 0, activation: digest },
    });
    expect([activation, payloadDigest(activation ?? "")]).toEqual([envelope, digest]);
    expect(timeMs(said.expiresAt) - timeMs(said.issuedAt)).toBe(300_000);
    expect(timeMs(said.issuedAt)).toBeLessThanOrEqual(api.clock.now().getTime());
  });

  it("of nothing has the sequence 0", async () => {
    const proof = await proofOf(node());
    expect(await leaseOf(proof)).toMatchObject({ sequence: 0, activation: null, environment: "dev" });
    expect(parseAttestation(proof.attestation)).toMatchObject({ activation: null, release: null });
  });

  it("is one object until its lease is due, and then signed again without a read", async () => {
    await api.publish("dev");
    const proofs = node();
    const deployment = await active();
    expect(proofs.peek(environmentId, deployment)).toBeUndefined();
    const [first, same] = await Promise.all([proofOf(proofs), proofOf(proofs)]);
    expect(same).toBe(first);
    toTheEnd(first.renewAtMs);
    expect(proofs.peek(environmentId, deployment)).toBe(first);
    api.clock.advanceSeconds(1);
    expect(proofs.peek(environmentId, deployment)).toBeUndefined();
    reads = 0;
    const next = await proofOf(proofs);
    expect(reads).toBe(0);
    expect((await leaseOf(next)).issuedAt).not.toBe((await leaseOf(first)).issuedAt);
    expect(parseAttestation(next.attestation).activation).toBe(parseAttestation(first.attestation).activation);
  });

  it("is the same from each node", async () => {
    await api.publish("dev");
    const [a, b] = [node(), node()];
    const first = await proofOf(a);
    toTheEnd(first.renewAtMs);
    expect(await proofOf(b)).toEqual(first);
  });

  it("changes with an activation, whose lease begins with it", async () => {
    await api.publish("dev");
    const proofs = node();
    const first = await proofOf(proofs);
    const before = await active();
    api.clock.advanceSeconds(1);
    await api.publish("dev", { n: 2 });
    expect(proofs.peek(environmentId, before)).toBeUndefined();
    const next = await proofOf(proofs);
    expect([first.sequence, next.sequence]).toEqual([1, 2]);
    const [old, now] = [await leaseOf(first), await leaseOf(next)];
    expect(now.issuedAt >= old.issuedAt && now.activation !== old.activation).toBe(true);
  });

  it("is not kept as current when its environment changed while it was made", async () => {
    await api.publish("dev");
    const proofs = node();
    const making = proofs.of(environmentId, await active());
    api.services.wakeups.wake(environmentId);
    expect(await making).not.toBeNull();
    expect(proofs.peek(environmentId, await active())).toBeUndefined();
  });

  it("names the newest root from the next lease on", async () => {
    await api.publish("dev");
    const proofs = node();
    const first = await proofOf(proofs);
    await api.store.write((tx) =>
      tx.insertTrustRoot({
        ...{ projectId: api.projectId, version: 1, envelope: "{}", digest: "00", publishedBy: "test" },
        ...{ expiresAt: "2030-01-01T00:00:00.000Z", publishedAt: "2026-05-01T12:00:00.000Z" },
      }),
    );
    api.services.rootDocuments.forget(api.projectId);
    toTheEnd(first.renewAtMs);
    api.clock.advanceSeconds(1);
    const next = await proofOf(proofs);
    expect([next.rootVersion, (await leaseOf(next)).rootVersion]).toEqual([1, 1]);
    api.services.wakeups.wake(environmentId);
    expect(proofs.peek(environmentId, await active())).toBeUndefined();
  });

  it("is the last one while the database is away, until its lease runs out, and never signed meanwhile", async () => {
    await api.publish("dev");
    const proofs = node();
    const deployment = await active();
    const last = await proofOf(proofs);
    silenceMs = 2_001;
    api.services.wakeups.forgetAll();
    const endMs = timeMs((await leaseOf(last)).expiresAt);
    toTheEnd(endMs);
    expect(await proofs.of(environmentId, deployment)).toBe(last);
    api.clock.advanceSeconds(1);
    expect(await proofs.of(environmentId, deployment)).toBeNull();
    expect(await node().of(environmentId, deployment)).toBeNull();
    silenceMs = 0;
    expect(timeMs((await leaseOf(await proofOf(proofs))).expiresAt)).toBeGreaterThan(endMs);
  });

  it("is not signed when the database falls silent while it is read", async () => {
    await api.publish("dev");
    const proofs = node();
    const deployment = await active();
    silenceAfterRead = 2_001;
    expect(await proofs.of(environmentId, deployment)).toBeNull();
    expect(unattested).toEqual([]);
    silenceAfterRead = 0;
    silenceMs = 0;
    api.clock.advanceSeconds(5);
    expect((await proofOf(proofs)).sequence).toBe(1);
  });

  it("that cannot be made is not tried by everybody who asks", async () => {
    const { deploymentId } = await api.publish("dev");
    const proofs = node();
    const deployment = await active();
    failure = new AppError("data_loss", "unreadable");
    expect(await proofs.of(environmentId, deployment)).toBeNull();
    reads = 0;
    expect(await proofs.of(environmentId, deployment)).toBeNull();
    expect(proofs.peek(environmentId, deployment)).toBeNull();
    expect([reads, unattested]).toEqual([0, [environmentId]]);
    failure = null;
    api.clock.advanceSeconds(5);
    expect((await proofOf(proofs)).sequence).toBe(1);
    expect(deploymentId).toBe(deployment?.id);
  });

  it("is the last one while the key cannot sign, until it runs out", async () => {
    await api.publish("dev");
    let isBroken = false;
    const { attestation } = api.data.keys;
    const sign = (message: Uint8Array) => (isBroken ? Promise.reject(new Error("gone")) : attestation.sign(message));
    const proofs = node(new Attester({ attestation: { ...attestation, sign } }));
    const last = await proofOf(proofs);
    isBroken = true;
    api.clock.advanceSeconds(60);
    expect(await proofOf(proofs)).toBe(last);
    api.clock.advanceSeconds(300);
    expect(await proofs.of(environmentId, await active())).toBeNull();
    expect(unattested).toEqual([environmentId, environmentId]);
  });

  it("is signed again after the clock was set back", async () => {
    await api.publish("dev");
    const proofs = node();
    const first = await proofOf(proofs);
    api.clock.jumpSeconds(-3600);
    const now = await leaseOf(await proofOf(proofs));
    expect(now.issuedAt < (await leaseOf(first)).issuedAt).toBe(true);
    expect(timeMs(now.issuedAt)).toBeLessThanOrEqual(api.clock.now().getTime());
  });

  it("of a deleted environment is none", async () => {
    const proofs = node();
    await api.services.environments.delete(api.admin, api.path("dev"));
    await expect(proofs.of(environmentId, null)).rejects.toMatchObject({ code: "not_found" });
  });
});
