import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { envelopeKeyId } from "../../../src/bundle/envelope/dsse.js";
import { nobleVerifier } from "../../../src/bundle/ed25519-noble.js";
import { parsePublicKey, type PublicKey } from "../../../src/bundle/keys.js";
import { parseAttestation } from "../../../src/bundle/trust/attestation.js";
import { LEASE_TYPE } from "../../../src/bundle/trust/lease.js";
import type { Root } from "../../../src/bundle/trust/root.js";
import { STATEMENT_TYPE } from "../../../src/bundle/trust/statement.js";
import { payloadDigest, signersIn } from "../../../src/bundle/trust/threshold.js";
import { useServices } from "../fixture.js";
import { Trusted } from "../trust/trusted.js";

const FILE = "attestation-signing-key.pem";
const NEXT_FILE = "attestation-signing-key.next.pem";

describe("the rotation of the attestation key", () => {
  const api = useServices();
  const trusted = new Trusted(api);
  const rotation = () => api.services.attestationRotation;
  const file = (name: string) => join(api.directory, name);
  let first: PublicKey;
  beforeEach(() => {
    first = parsePublicKey(api.data.keys.attestation.publicKeyPem);
  });

  async function announce(): Promise<PublicKey> {
    const { next } = await rotation().announce(api.admin, null);
    return parsePublicKey(next?.key.publicKeyPem ?? "");
  }
  const activate = (keyId: string, force = false) => rotation().activate(api.admin, keyId, { force, reason: null });
  const retire = (keyId: string, force = false) => rotation().retire(api.admin, keyId, { force, reason: null });

  const listed = async () =>
    (await api.services.keys.list(api.admin))
      .filter(({ key }) => key.purpose === "attestation")
      .map(({ key, state }) => [key.keyId, state]);

  /** A root whose roles activation and lease are of these keys. */
  function naming(root: Root, version: number, ...keys: readonly PublicKey[]): Root {
    const keyIds = keys.map(envelopeKeyId);
    const rule = { threshold: 1, keyIds };
    const own = [...root.keys].filter(([id]) => !root.roles.activation.keyIds.includes(id));
    const added = keys.map((key) => [envelopeKeyId(key), key] as const);
    return {
      ...root,
      version,
      keys: new Map([...own, ...added]),
      roles: { ...root.roles, activation: rule, lease: rule },
    };
  }

  /** What is served of dev, and which of these keys signed it. */
  async function served(...keys: readonly PublicKey[]) {
    const environment = await api.environment("dev");
    const active = await api.services.active.read(environment.id);
    const proof = await api.services.proofs.of(environment.id, active?.deployment ?? null);
    const { lease, activation } = parseAttestation(proof?.attestation ?? "{}");
    const by = async (envelope: string | null, type: string) =>
      (await signersIn(envelope ?? "", type, keys, nobleVerifier)).map(({ keyId }) => keyId);
    return {
      activation: await by(activation, STATEMENT_TYPE),
      lease: await by(lease, LEASE_TYPE),
      digest: payloadDigest(activation ?? ""),
    };
  }

  it("goes by two roots, and what is active gets a signature by the new key over the same payload", async () => {
    const root = await trusted.begin(0);
    await api.publish("dev");
    const before = await served(first);
    const second = await announce();
    expect(await listed()).toEqual([
      [first.keyId, "current"],
      [second.keyId, "next"],
    ]);
    expect(await served(first, second)).toEqual(before);

    await expect(activate(second.keyId)).rejects.toMatchObject({
      ...{ code: "conflict", reason: "key_not_named" },
      message: expect.stringContaining(`"default" (root 1 does not name`) as string,
    });
    const { unnaming, roots } = await rotation().view(api.admin);
    expect(roots).toEqual({ naming: 0, notNaming: 1 });
    expect(unnaming).toMatchObject([{ projectId: api.projectId, project: "default", rootVersion: 1 }]);

    await trusted.publish(naming(root, 2, first, second));
    expect((await rotation().view(api.admin)).roots).toEqual({ naming: 1, notNaming: 0 });
    await activate(second.keyId);
    expect(await served(first, second)).toEqual({
      ...{ activation: [first.keyId, second.keyId], lease: [second.keyId], digest: before.digest },
    });
    await api.publish("dev", { n: 2 });
    expect(await served(first, second)).toMatchObject({ activation: [second.keyId], lease: [second.keyId] });

    await expect(retire(first.keyId)).rejects.toMatchObject({ code: "conflict", reason: "key_in_use" });
    await trusted.publish(naming(root, 3, second));
    await retire(first.keyId);
    expect(await listed()).toEqual([[second.keyId, "current"]]);
    await expect(retire(first.keyId)).rejects.toMatchObject({ code: "not_found" });
    const actions = (await api.actions()).filter((action) => action.startsWith("key."));
    expect(actions).toEqual(["key.announced", "key.activated", "key.retired"]);
  });

  it("needs a root only where there is one, and one that names the key in every environment", async () => {
    const second = await announce();
    await activate(second.keyId);
    const third = await announce();
    const root = naming(await trusted.root(0), 1, second, third);
    const lease = { threshold: 1, keyIds: [envelopeKeyId(second)] };
    await trusted.publish({ ...root, environments: new Map([["prod", { lease }]]) });
    await expect(activate(third.keyId)).rejects.toMatchObject({ message: expect.stringContaining("prod") as string });
    await activate(third.keyId, true);
    expect(api.data.keys.attestation.keyId).toBe(third.keyId);
  });

  it("is taken back by a withdrawal, of the announced key only", async () => {
    const second = await announce();
    await expect(announce()).rejects.toMatchObject({ code: "conflict", reason: "key_announced" });
    for (const id of [first.keyId, "0000000000000000"]) {
      await expect(rotation().withdraw(api.admin, id, null)).rejects.toMatchObject({ code: "not_found" });
      await expect(activate(id, true)).rejects.toMatchObject({ code: "not_found" });
    }
    await expect(retire(second.keyId)).rejects.toMatchObject({ reason: "key_in_use" });
    await expect(retire(first.keyId)).rejects.toMatchObject({ reason: "key_in_use" });
    await rotation().withdraw(api.admin, second.keyId, null);
    expect(await listed()).toEqual([[first.keyId, "current"]]);
    expect(existsSync(file(NEXT_FILE))).toBe(false);
  });

  it("in one step replaces a key that leaked, and an announced one with it", async () => {
    await trusted.begin(0);
    await api.publish("dev");
    const leaked = await announce();
    const { current, next } = await rotation().replace(api.admin, "seized");
    expect([first.keyId, leaked.keyId]).not.toContain(current.key.keyId);
    expect(next).toBeNull();
    expect((await listed()).map(([keyId]) => keyId)).toEqual([current.key.keyId, first.keyId]);
    const now = parsePublicKey(current.key.publicKeyPem);
    expect(await served(now)).toMatchObject({ activation: [now.keyId], lease: [now.keyId] });
    await retire(first.keyId, true);
  });

  it("survives a restart at each step, and a process that ended between file and commit", async () => {
    const second = await announce();
    await api.reopen();
    expect(await listed()).toContainEqual([second.keyId, "next"]);
    // The file of an activation that was not committed.
    writeFileSync(file(FILE), readFileSync(file(NEXT_FILE)), { mode: 0o600 });
    await api.reopen();
    expect(api.data.keys.attestation.keyId).toBe(second.keyId);
    expect(existsSync(file(NEXT_FILE))).toBe(false);
    expect(await listed()).toEqual([
      [second.keyId, "current"],
      [first.keyId, "previous"],
    ]);
    await api.publish("dev");
    expect(await served(second)).toMatchObject({ activation: [second.keyId] });
  });

  it("that cannot be committed leaves the key before", async () => {
    const second = await announce();
    api.moments.beforeAuditSignature = () => {
      throw new Error("not now");
    };
    await expect(activate(second.keyId)).rejects.toThrow("not now");
    api.moments.beforeAuditSignature = () => undefined;
    expect(await listed()).toEqual([
      [first.keyId, "current"],
      [second.keyId, "next"],
    ]);
    await activate(second.keyId);
  });

  it("keeps the envelope small, however often it is done", async () => {
    await api.publish("dev");
    const { digest } = await served(first);
    for (let n = 0; n < 10; n += 1) {
      await activate((await announce()).keyId);
      await served(first);
    }
    const environment = await api.environment("dev");
    const kept = await api.store.read.activationAttestation(environment.activeDeploymentId ?? "");
    const { signatures } = JSON.parse(kept?.envelope ?? "{}") as { signatures: unknown[] };
    expect([signatures.length, kept?.digest]).toEqual([8, digest]);
    expect(await served(parsePublicKey(api.data.keys.attestation.publicKeyPem))).toMatchObject({ digest });
  });
});
