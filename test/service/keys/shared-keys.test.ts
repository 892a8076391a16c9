import { generateKeyPairSync } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { KEY_PURPOSES } from "../../../src/core/key.js";
import type { Principal } from "../../../src/core/token.js";
import { KeySealer } from "../../../src/service/keys/key-sealer.js";
import { keyIdOf, publicPemOf, resealKeys } from "../../../src/service/keys/sealed-key-set.js";
import { bootstrap } from "../../../src/service/tenancy/bootstrap.js";
import { createRawKey } from "../../../src/service/tokens/raw-key.js";
import type { Store } from "../../../src/store/store.js";
import { useStore } from "../../store/temporary-store.js";
import { MovableClock, publishInput } from "../fixture.js";
import { cheapSealer, keepCheapSet, SECRET, startNode, type SharedNode } from "./shared-node.js";

const OTHER_SECRET = SECRET.toLowerCase();
const AT = "2026-05-01T12:00:00.000Z";

function newKey(): { readonly pem: string; readonly keyId: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { pem, keyId: keyIdOf(pem) };
}

describe("keys that nodes share", () => {
  const database = useStore();
  let admin: Principal;
  let projectId = "";

  async function firstStart({ services }: SharedNode) {
    const key = createRawKey("admin");
    const { audit, tokens, tenancy } = services;
    const made = await bootstrap(
      { store: database.store, clock: new MovableClock(), ...audit, ...tokens, ...tenancy },
      key,
    );
    projectId = made?.projectId ?? projectId;
    admin = await services.tokens.authentication.authenticate(key.rawKey);
  }

  const change = (principal = admin) => ({
    ...{ principal, idempotencyKey: null, ifSequence: null, skipUnchanged: false, dryRun: false },
  });
  let n = 0;
  const dev = () => ({ projectId, envName: "dev" });
  async function publish({ services }: SharedNode) {
    n += 1;
    const input = publishInput({ policies: JSON.stringify({ n }) });
    return (await services.bundles.publishing.publish(change(), dev(), input)).bundle;
  }
  const announce = async ({ services }: SharedNode) =>
    (await services.rotation.rotation.announce(admin, null)).next?.key.keyId ?? "";
  const activate = ({ services }: SharedNode, keyId: string) =>
    services.rotation.rotation.activate(admin, keyId, { force: true, reason: null });
  const retire = ({ services }: SharedNode, keyId: string) => services.rotation.rotation.retire(admin, keyId, null);
  const currentOf = ({ shared }: SharedNode) => shared.keys.bundles.keyId;

  it("are made once by nodes that start together on a new database, and encrypted", async () => {
    const [a, b] = await Promise.all([startNode(database.store), startNode(database.store)]);
    for (const purpose of KEY_PURPOSES) {
      expect(a.shared.keys[purpose].keyId).toBe(b.shared.keys[purpose].keyId);
    }
    const rows = await database.raw("select * from sealed_keys");
    expect(rows.map(({ slot }) => slot).toSorted()).toEqual(["attestation", "audit", "bundles", "opa", "webhooks"]);
    expect(JSON.stringify(rows)).not.toContain("PRIVATE");
    await firstStart(a);
    const nextId = await announce(b);
    await activate(a, nextId);
    expect((await publish(b)).keyId).toBe(nextId);
  });

  it("of an earlier release get one key for attestation from nodes that start together, and never another", async () => {
    await keepCheapSet(database.store);
    await database.store.write((tx) => tx.deleteSealedKey("attestation"));
    const [a, b] = await Promise.all([startNode(database.store), startNode(database.store)]);
    const { keyId } = a.shared.keys.attestation;
    expect(b.shared.keys.attestation.keyId).toBe(keyId);
    expect((await startNode(database.store)).shared.keys.attestation.keyId).toBe(keyId);
    await database.store.write((tx) => tx.deleteSealedKey("attestation"));
    await expect(startNode(database.store)).rejects.toMatchObject({
      ...{ code: "signing_failed", message: expect.stringContaining(keyId) as string },
    });
  });

  it("for attestation are rotated on all nodes, of which one that has not heard serves what the others can verify", async () => {
    await keepCheapSet(database.store);
    const [a, b] = await Promise.all([startNode(database.store), startNode(database.store)]);
    await firstStart(a);
    const active = async () => {
      const state = await a.services.bundles.bundles.list(admin, dev(), 1, undefined);
      const id = state.rows[0]?.deploymentId ?? "";
      return (await database.store.read.deployment(admin.orgId, id)) ?? expect.fail("nothing is active");
    };
    await publish(a);
    const first = a.shared.keys.attestation.keyId;
    const { next } = await a.services.rotation.attestationRotation.announce(admin, null);
    const nextId = next?.key.keyId ?? "";
    await expect(b.services.rotation.attestationRotation.announce(admin, null)).rejects.toMatchObject({
      reason: "key_announced",
    });
    await b.services.rotation.attestationRotation.activate(admin, nextId, { force: false, reason: null });
    expect([a.shared.keys.attestation.keyId, b.shared.keys.attestation.keyId]).toEqual([first, nextId]);
    // The first node signs with the key before until it hears.
    await publish(a);
    const deployment = await active();
    const kept = () => database.store.read.activationAttestation(deployment.id);
    expect((await kept())?.keyId).toBe(first);
    const { environmentId } = deployment;
    expect(await b.services.proofs.proofs.of(environmentId, deployment)).not.toBeNull();
    expect(await kept()).toMatchObject({ keyId: nextId });
    a.hears.changed([{ kind: "keys" }]);
    await expect.poll(() => a.shared.keys.attestation.keyId).toBe(nextId);
    const proofs = await Promise.all([a, b].map((it) => it.services.proofs.proofs.of(environmentId, deployment)));
    expect(proofs[0]).toEqual(proofs[1]);
    await expect(startNode(database.store)).resolves.toMatchObject({
      shared: { keys: { attestation: { keyId: nextId } } },
    });
  });

  describe("of one set", () => {
    let a: SharedNode;
    let b: SharedNode;
    beforeEach(async () => {
      await keepCheapSet(database.store);
      [a, b] = await Promise.all([startNode(database.store), startNode(database.store)]);
      await firstStart(a);
    });

    it("sign on every node with a key that one of them activated, before they hear of it", async () => {
      const old = await publish(b);
      const nextId = await announce(a);
      await activate(a, nextId);
      expect(currentOf(b)).toBe(old.keyId);
      expect((await publish(b)).keyId).toBe(nextId);
      expect(currentOf(b)).toBe(nextId);
    });

    it("are announced, withdrawn and activated on any node", async () => {
      const first = await announce(a);
      b.hears.changed([{ kind: "keys" }]);
      await expect.poll(() => b.shared.keys.bundleKey.next?.keyId).toBe(first);
      await expect(announce(b)).rejects.toMatchObject({ reason: "key_announced" });
      await b.services.rotation.rotation.withdraw(admin, first, null);
      await expect(activate(a, first)).rejects.toMatchObject({ code: "not_found" });
      const second = await announce(b);
      await activate(a, second);
      b.hears.missed();
      await expect.poll(() => currentOf(b)).toBe(second);
      expect((await database.read.sealedKeys()).map(({ slot }) => slot)).not.toContain("next");
    });

    it("serves what another node signed with a key that this one has not heard of", async () => {
      await publish(a);
      const nextId = await announce(a);
      await activate(a, nextId);
      const bundle = await publish(a);
      const listed = await b.services.keys.ring.ofBundle(bundle);
      expect(listed?.keyId).toBe(nextId);
    });

    it("gives an organization that is made meanwhile the keys of the next one too", async () => {
      const nextId = await announce(a);
      const input = { name: "other", plan: null, versionsPerEnvironment: null };
      const { organization, adminToken } = await b.services.tenancy.organizations.create(admin, input);
      await activate(a, nextId);
      const foreigner = await b.services.tokens.authentication.authenticate(adminToken.rawKey);
      const projects = await b.services.tenancy.projects.create(foreigner, "p");
      const path = { projectId: projects.project.id, envName: "dev" };
      const { bundle } = await b.services.bundles.publishing.publish(change(foreigner), path, publishInput());
      const record = await database.read.publicKey(bundle.keyId);
      expect(record).toMatchObject({ orgId: organization.id, endorsedBy: nextId });
      expect(await a.services.keys.ring.trusts(record ?? expect.fail("no record"))).toBe(true);
    });

    it("accept nothing of a retired key while another node publishes, and fail no publish", async () => {
      const old = await publish(b);
      let isOver = false;
      const published: string[] = [];
      const publishing = (async () => {
        while (!isOver) published.push((await publish(b)).keyId);
      })();
      const nextId = await announce(a);
      await activate(a, nextId);
      await publish(a);
      await retire(a, old.keyId);
      const { retiredAt } = (await database.read.publicKey(old.keyId)) ?? {};
      expect(retiredAt).not.toBeNull();
      const after = published.length;
      await expect.poll(() => published.length).toBeGreaterThan(after + 5);
      isOver = true;
      await publishing;
      expect(published).toContain(old.keyId);
      expect(published.lastIndexOf(old.keyId)).toBeLessThan(published.indexOf(nextId));
      expect(published.slice(after)).not.toContain(old.keyId);
      const rollback = b.services.bundles.bundles.activate(change(), dev(), old.version);
      await expect(rollback).rejects.toMatchObject({ reason: "key_retired" });
    });

    it("refuse to retire what another node made active after the check", async () => {
      const old = await publish(a);
      const nextId = await announce(a);
      await activate(a, nextId);
      await publish(a);
      let writes = 0;
      const store: Store = {
        ...{ read: database.read, ping: () => database.store.ping(), [Symbol.asyncDispose]: async () => {} },
        async write(work) {
          writes += 1;
          // After the check outside of the transaction, before the transaction that retires.
          if (writes === 2) await b.services.bundles.bundles.activate(change(), dev(), old.version);
          return await database.write(work);
        },
      };
      const c = await startNode(store);
      writes = 0;
      await expect(retire(c, old.keyId)).rejects.toMatchObject({ reason: "key_in_use" });
      expect(writes).toBe(2);
      expect((await database.read.publicKey(old.keyId))?.retiredAt).toBeNull();
    });

    it("are refused with another secret, and in another slot", async () => {
      await expect(startNode(database.store, { secret: OTHER_SECRET })).rejects.toMatchObject({
        code: "invalid",
        message: expect.stringContaining("SIGNET_KEY_SECRET does not open") as string,
      });
      const rows = await database.read.sealedKeys();
      const webhooks = rows.find(({ slot }) => slot === "webhooks") ?? expect.fail("no webhooks key");
      await database.write((tx) => tx.putSealedKey({ ...webhooks, slot: "bundles" }));
      await expect(startNode(database.store)).rejects.toMatchObject({ code: "invalid" });
      b.hears.missed();
      await expect.poll(() => b.problems.length).toBe(1);
      await expect(publish(b)).rejects.toMatchObject({ code: "signing_failed" });
    });

    it("get another secret without a stop, and refuse to mix both", async () => {
      const before = currentOf(a);
      const secrets = { from: new KeySealer(SECRET), to: cheapSealer(OTHER_SECRET), at: AT };
      await expect(
        resealKeys(database.store, { ...secrets, from: new KeySealer(`${SECRET}x`) }, async () => undefined),
      ).rejects.toMatchObject({ code: "invalid" });
      const recorded: string[] = [];
      await resealKeys(database.store, secrets, async (_, set) => void recorded.push(...Object.keys(set)));
      expect(recorded.toSorted()).toEqual(["attestation", "audit", "bundles", "opa", "webhooks"]);
      expect((await publish(a)).keyId).toBe(before);
      await expect(announce(a)).rejects.toMatchObject({ reason: "key_secret_changed" });
      await expect(startNode(database.store)).rejects.toMatchObject({ code: "invalid" });
      const c = await startNode(database.store, { secret: OTHER_SECRET });
      const nextId = await announce(c);
      await activate(c, nextId);
      await expect(publish(a)).rejects.toMatchObject({ code: "signing_failed" });
    });

    it("are not made again in a database that signed", async () => {
      await database.write(async (tx) => {
        for (const { slot } of await tx.sealedKeys()) await tx.deleteSealedKey(slot);
      });
      await expect(startNode(database.store)).rejects.toMatchObject({ code: "signing_failed" });
      expect(await database.read.sealedKeys()).toEqual([]);
    });

    it("refuse a setting that gives another key than the nodes have", async () => {
      const other = newKey();
      const start = startNode(database.store, { signingKey: other.pem });
      await expect(start).rejects.toMatchObject({ code: "conflict", reason: "other_keys" });
      await expect(start).rejects.toThrow(`the nodes sign bundles with the key ${currentOf(a)}`);
      await expect(start).rejects.toThrow(other.keyId);
      expect(await database.read.publicKey(other.keyId)).toBeNull();
    });
  });

  describe("given by settings", () => {
    const first = newKey();
    const second = newKey();
    const gives = (signingKey: string | null, nextSigningKey: string | null = null) => ({ signingKey, nextSigningKey });

    beforeEach(() => keepCheapSet(database.store, publicPemOf(first.pem)));

    it("are moved to the next key over all nodes without a stop", async () => {
      const old = await startNode(database.store, gives(first.pem));
      await firstStart(old);
      const bundle = await publish(old);
      expect(bundle.keyId).toBe(first.keyId);
      await expect(startNode(database.store)).rejects.toThrow("give it to this node too (SIGNET_SIGNING_KEY)");
      const a = await startNode(database.store, gives(first.pem, second.pem));
      const b = await startNode(database.store, gives(first.pem, second.pem));
      await expect(announce(a)).rejects.toMatchObject({ reason: "key_is_setting" });
      await expect(startNode(database.store, gives(second.pem))).rejects.toThrow("activate it first");
      await activate(a, second.keyId);
      expect((await publish(b)).keyId).toBe(second.keyId);
      // It was not given the key.
      await expect(publish(old)).rejects.toMatchObject({ code: "signing_failed" });
      expect(await old.services.keys.ring.ofBundle(bundle)).not.toBeNull();
      // The settings follow, node by node.
      for (const settings of [gives(first.pem, second.pem), gives(second.pem)]) {
        expect(currentOf(await startNode(database.store, settings))).toBe(second.keyId);
      }
      await expect(startNode(database.store, gives(first.pem))).rejects.toMatchObject({ reason: "other_keys" });
      const rows = await database.read.sealedKeys();
      const sealer = new KeySealer(SECRET);
      for (const row of rows.filter(({ slot }) => slot === "bundles")) {
        expect(await sealer.open(row)).not.toContain("PRIVATE");
      }
    });

    it("are replaced by a node that is alone, which endorses the key before", async () => {
      const a = await startNode(database.store, gives(first.pem));
      await firstStart(a);
      const bundle = await publish(a);
      const b = await startNode(database.store, { ...gives(second.pem), othersLive: async () => false });
      expect((await publish(b)).keyId).toBe(second.keyId);
      expect(await b.services.keys.ring.ofBundle(bundle)).not.toBeNull();
      const { rows } = await b.services.audit.audit.list({ orgId: admin.orgId, limit: 100, action: "key.changed" });
      expect(rows.map(({ metadata }) => metadata)).toMatchObject([{ from: first.keyId }]);
    });
  });

  it.each([
    ["none", null],
    ["an empty one", ""],
    ["a short one", "x".repeat(31)],
    ["a long one", "x".repeat(1_025)],
  ])("refuse %s as the secret", async (_, secret) => {
    await expect(startNode(database.store, { secret })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(/^SIGNET_KEY_SECRET must .*openssl rand -base64 32$/) as string,
    });
    expect(await database.read.sealedKeys()).toEqual([]);
  });
});
