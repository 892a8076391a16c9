import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { documentOf } from "../../../src/service/bundles/bundle-verifier.js";
import { parsePrivateKey } from "../../../src/bundle/keys.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { verifyDocument } from "../../../src/bundle/verify-bundle.js";
import { useServices } from "../fixture.js";

const clientAddress = "192.0.2.1";

describe("the rotation of the bundle key", () => {
  const api = useServices();
  const rotation = () => api.services.rotation;
  const exported = (version: number) =>
    api.services.exporting.export(api.admin, api.path("dev"), version, { digest: null, position: null, size: null });
  const file = (name: string) => join(api.directory, name);
  const NEXT_FILE = "bundle-signing-key.next.pem";
  const FILE = "bundle-signing-key.pem";

  async function announce(): Promise<string> {
    const { next } = await rotation().announce(api.admin, null);
    return next?.key.keyId ?? "";
  }

  async function activate(keyId: string, force = false) {
    return await rotation().activate(api.admin, keyId, { force, reason: null });
  }

  const listed = async (caller = api.admin) =>
    (await api.services.keys.list(caller))
      .filter(({ key }) => key.purpose === "bundles")
      .map(({ key, state }) => ({ keyId: key.keyId, state }));

  async function report(keyIds: readonly string[] | null, instanceId = "a", envName = "dev") {
    const { principal } = await api.runtime(envName, { name: `${instanceId}-${envName}-${Math.random()}` });
    const seen = { instanceId, state: "applied" as const, sequence: 1, deploymentId: "" };
    const told = { reason: null, agent: null, labels: {}, clientAddress, keyIds };
    await api.services.instances.report(principal, { ...seen, ...told });
    await api.services.instances.flush();
  }

  it("lists the next key before it signs, and signs with it at once when it is activated", async () => {
    const first = await api.publish("dev");
    const nextId = await announce();
    expect(nextId).not.toBe(first.bundle.keyId);
    expect(await listed()).toEqual([
      { keyId: first.bundle.keyId, state: "current" },
      { keyId: nextId, state: "next" },
    ]);
    expect((await api.publish("dev", { n: 2 })).bundle.keyId).toBe(first.bundle.keyId);

    await activate(nextId);
    const second = await api.publish("dev", { n: 3 });
    expect(second.bundle.keyId).toBe(nextId);
    expect(await listed()).toEqual([
      { keyId: nextId, state: "current" },
      { keyId: first.bundle.keyId, state: "previous" },
    ]);
    const actions = await api.actions();
    expect(actions.filter((action) => action.startsWith("key."))).toEqual(["key.announced", "key.activated"]);
    expect(existsSync(file(NEXT_FILE))).toBe(false);

    await api.reopen();
    expect((await api.publish("dev", { n: 4 })).bundle.keyId).toBe(nextId);
    expect((await api.activate("dev", 1)).bundle.keyId).toBe(first.bundle.keyId);
    expect((await api.actions()).filter((action) => action.startsWith("key."))).toHaveLength(2);
  });

  it("changes the keys of organizations and environments with it", async () => {
    await api.services.environments.update(api.admin, api.path("prod"), { signingKey: "environment" });
    const foreigner = await api.foreigner();
    const before = [...(await listed(foreigner)), ...(await listed())];
    const nextId = await announce();
    const announced = [...(await listed(foreigner)), ...(await listed())].filter(({ state }) => state === "next");
    expect(announced).toHaveLength(3);

    await activate(nextId);
    const current = [...(await listed(foreigner)), ...(await listed())].filter(({ state }) => state === "current");
    expect(current.map(({ keyId }) => keyId).toSorted()).toEqual(announced.map(({ keyId }) => keyId).toSorted());
    for (const { keyId } of before) expect(current.map((it) => it.keyId)).not.toContain(keyId);
    const { bundle } = await api.publish("prod");
    expect(announced.map(({ keyId }) => keyId)).toContain(bundle.keyId);
    expect(bundle.keyId).not.toBe(nextId);

    await api.reopen();
    expect((await api.activate("prod", 1)).isActive).toBe(true);
  });

  it("makes the announced key of an organization that was created meanwhile its key", async () => {
    const nextId = await announce();
    const foreigner = await api.foreigner();
    const next = (await listed(foreigner)).find(({ state }) => state === "next");
    await activate(nextId);
    expect((await listed(foreigner))[0]).toEqual({ keyId: next?.keyId, state: "current" });
  });

  it("waits for instances that do not trust the key, or did not say, and says which", async () => {
    await api.publish("dev");
    const nextId = await announce();
    await report([nextId], "knows");
    await report(["0000000000000000"], "does not");
    await report(null, "says nothing");
    const view = await rotation().view(api.admin);
    expect(view.trust).toEqual({ live: 3, trusting: 1, notTrusting: 1, unknown: 1 });
    expect(view.otherOrganizations).toEqual({ live: 0, trusting: 0, notTrusting: 0, unknown: 0 });
    const shown = view.untrusting.map(({ instance, environment, keyId }) => [instance.instanceId, environment, keyId]);
    expect(shown.toSorted()).toEqual([
      ["does not", "dev", nextId],
      ["says nothing", "dev", nextId],
    ]);
    await expect(activate(nextId)).rejects.toMatchObject({
      code: "conflict",
      reason: "key_not_trusted",
      message: expect.stringContaining("of 3 live instances 1 do not trust the key and 1 did not say") as string,
    });
    expect((await listed())[0]?.keyId).not.toBe(nextId);
    await activate(nextId, true);
    expect((await listed())[0]?.keyId).toBe(nextId);
  });

  it("does not wait for instances that have not been seen for five minutes", async () => {
    await api.publish("dev");
    await report(null, "gone");
    api.clock.advanceSeconds(301);
    const nextId = await announce();
    await activate(nextId);
    expect((await listed())[0]?.keyId).toBe(nextId);
  });

  it("shows another organization its own instances alone", async () => {
    await api.publish("dev");
    await announce();
    await report(null, "ours");
    const view = await rotation().view(await api.foreigner());
    expect(view).toMatchObject({ trust: { live: 0 }, otherOrganizations: null, untrusting: [] });
  });

  it("announces one key at a time, and takes it back", async () => {
    const nextId = await announce();
    await expect(announce()).rejects.toMatchObject({ code: "conflict", reason: "key_announced" });
    await expect(rotation().withdraw(api.admin, "0000000000000000", null)).rejects.toMatchObject({ code: "not_found" });
    await rotation().withdraw(api.admin, nextId, "lost");
    expect((await listed()).map(({ state }) => state)).toEqual(["current"]);
    await expect(activate(nextId)).rejects.toMatchObject({ code: "not_found" });
    await api.reopen();
    expect((await listed()).map(({ state }) => state)).toEqual(["current"]);
    expect(await announce()).not.toBe(nextId);
  });

  it("keeps an announcement over a restart", async () => {
    const nextId = await announce();
    await api.reopen();
    expect((await listed())[1]).toEqual({ keyId: nextId, state: "next" });
    await activate(nextId);
    expect((await api.publish("dev")).bundle.keyId).toBe(nextId);
  });

  it("is finished by the next start when the process ends between its steps", async () => {
    const { bundle } = await api.publish("dev");
    const nextId = await announce();
    // The file is replaced before anything is committed.
    writeFileSync(file(FILE), readFileSync(file(NEXT_FILE)), { mode: 0o600 });
    await api.reopen();
    expect(await listed()).toEqual([
      { keyId: nextId, state: "current" },
      { keyId: bundle.keyId, state: "previous" },
    ]);
    expect(existsSync(file(NEXT_FILE))).toBe(false);
    expect((await api.actions()).filter((action) => action.startsWith("key."))).toEqual([
      "key.announced",
      "key.changed",
    ]);
    expect((await api.publish("dev", { n: 2 })).bundle.keyId).toBe(nextId);
    expect((await api.activate("dev", 1)).isActive).toBe(true);
  });

  it("leaves the key before in use when it cannot be committed", async () => {
    const { bundle } = await api.publish("dev");
    const nextId = await announce();
    const before = readFileSync(file(FILE), "utf8");
    api.moments.beforeAuditSignature = () => {
      throw new Error("the audit cannot sign");
    };
    await expect(activate(nextId)).rejects.toThrow("the audit cannot sign");
    api.moments.beforeAuditSignature = () => undefined;
    expect(readFileSync(file(FILE), "utf8")).toBe(before);
    expect((await api.publish("dev", { n: 2 })).bundle.keyId).toBe(bundle.keyId);
    expect(parsePrivateKey(readFileSync(file(NEXT_FILE), "utf8"))).toHaveLength(32);
    await activate(nextId);
    expect((await api.publish("dev", { n: 3 })).bundle.keyId).toBe(nextId);
  });

  it("retires a previous key when nothing active needs it, and then accepts nothing that it signed", async () => {
    const first = await api.publish("dev");
    const oldId = first.bundle.keyId;
    const nextId = await announce();
    await expect(rotation().retire(api.admin, oldId, null)).rejects.toMatchObject({ reason: "key_in_use" });
    await expect(rotation().retire(api.admin, nextId, null)).rejects.toMatchObject({ reason: "key_in_use" });
    await activate(nextId);
    await expect(rotation().retire(api.admin, oldId, null)).rejects.toMatchObject({
      reason: "key_in_use",
      message: expect.stringContaining('"dev"') as string,
    });
    expect((await api.activate("dev", 1)).isActive).toBe(true);

    await api.publish("dev", { n: 2 });
    await rotation().retire(api.admin, oldId, "leaked");
    expect(await listed()).toEqual([{ keyId: nextId, state: "current" }]);
    await expect(api.activate("dev", 1)).rejects.toMatchObject({ code: "conflict", reason: "key_retired" });
    await expect(exported(1)).rejects.toMatchObject({ code: "conflict", reason: "key_retired" });
    await expect(rotation().retire(api.admin, oldId, null)).rejects.toMatchObject({ code: "not_found" });
    await api.reopen();
    expect(await listed()).toEqual([{ keyId: nextId, state: "current" }]);
    await expect(api.activate("dev", 1)).rejects.toMatchObject({ code: "conflict", reason: "key_retired" });
    await expect(exported(1)).rejects.toMatchObject({ code: "conflict", reason: "key_retired" });
    expect((await api.publish("dev", { n: 3 })).isActive).toBe(true);
  });

  it("keeps the keys before a retired one", async () => {
    const ids = [(await api.publish("dev")).bundle.keyId];
    for (let n = 0; n < 2; n += 1) {
      const nextId = await announce();
      await activate(nextId);
      ids.push(nextId);
    }
    await api.publish("dev", { n: 2 });
    await rotation().retire(api.admin, ids[1] ?? "", null);
    await api.reopen();
    expect((await listed()).map(({ keyId }) => keyId).toSorted()).toEqual([ids[0], ids[2]].toSorted());
    expect((await api.activate("dev", 1)).bundle.keyId).toBe(ids[0]);
  });

  it("warns of a rollback to what runtimes of the new key alone reject", async () => {
    const { bundle } = await api.publish("dev");
    expect(await rotation().warningsOf(bundle)).toEqual([]);
    const nextId = await announce();
    await activate(nextId);
    expect((await rotation().warningsOf((await api.publish("dev", { n: 2 })).bundle)).length).toBe(0);
    expect(await rotation().warningsOf(bundle)).toEqual([
      `version 1 is signed with the previous key ${bundle.keyId}: runtimes that trust only the current key ${nextId} reject it`,
    ]);
    await report([nextId], "new key alone");
    await report([nextId, bundle.keyId], "both");
    const [warning] = await rotation().warningsOf(bundle);
    expect(warning).toContain("of 2 live instances 1 do not trust it");
  });

  it("leaves every document as it was signed", async () => {
    const { bundle } = await api.publish("dev");
    const { content } = await api.services.bundles.get(api.admin, api.path("dev"), 1);
    await activate(await announce());
    const after = await api.services.bundles.get(api.admin, api.path("dev"), 1);
    expect(documentOf(after.state.bundle, after.content)).toBe(documentOf(bundle, content));
    const previous = (await api.services.keys.list(api.admin)).find(({ state }) => state === "previous");
    const keys = [parsePublicKey(previous?.key.publicKeyPem ?? "")];
    const verified = await verifyDocument(documentOf(bundle, content), keys, {});
    expect(verified.keyId).toBe(bundle.keyId);
  });
});
