import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { auditEventMessage, type SignedAuditEvent } from "../../../src/bundle/audit-chain.js";
import { keyEndorsementMessage } from "../../../src/bundle/key-endorsement.js";
import { parsePublicKey } from "../../../src/bundle/keys.js";
import { useServices } from "../fixture.js";

interface EventRow {
  readonly id: number;
  readonly metadata: string;
  readonly [column: string]: string | number;
}

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const publicKeyPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { privateKey, publicKeyPem, pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
};
type NewKey = ReturnType<typeof newKey>;
const idOf = ({ publicKeyPem }: NewKey) => parsePublicKey(publicKeyPem).keyId;

/** An attacker with write access to the database adds a key, with the best endorsement that he can make. */
function plant(database: Database.Database, key: NewKey, purpose: string): void {
  const { keyId, bytes: publicKey } = parsePublicKey(key.publicKeyPem);
  const message = keyEndorsementMessage({ purpose, publicKey, orgId: null, environmentId: null });
  const endorsement = sign(null, message, key.privateKey).toString("base64");
  database
    .prepare(
      "insert into public_keys (key_id, purpose, public_key_pem, created_at, endorsed_by, endorsement) values (?,?,?,?,?,?)",
    )
    .run(keyId, purpose, key.publicKeyPem, "2020-01-01T00:00:00.000Z", keyId, endorsement);
}

/** Signs the whole chain anew, after a change of one event. */
function forge(database: Database.Database, key: NewKey): void {
  const events = database.prepare("select * from audit_events order by org_id, id").all() as EventRow[];
  const update = database.prepare(
    "update audit_events set metadata = ?, signature = ?, prev_signature = ?, key_id = ? where org_id = ? and id = ?",
  );
  let previous = "";
  for (const { signature: _, key_id: _key, prev_signature: _previous, source: _source, ...event } of events) {
    const metadata = event.id === 1 ? { name: "forged" } : (JSON.parse(event.metadata) as Record<string, string>);
    const signed = { ...event, metadata, prev_signature: previous } as unknown as SignedAuditEvent;
    previous = sign(null, auditEventMessage(signed), key.privateKey).toString("base64");
    const before = signed.prev_signature ?? "";
    update.run(JSON.stringify(metadata), previous, before, idOf(key), event.org_id, event.id);
  }
}

describe("what is no key in the database", () => {
  const api = useServices();

  it("counts for nothing, and stops nobody from checking the audit by the others", async () => {
    api.tamperFile((database) => {
      const insert =
        "insert into public_keys (key_id, purpose, public_key_pem, created_at, endorsed_by) values (?, 'audit', 'junk', '', ?)";
      const { key_id: trueId } = database.prepare("select key_id from public_keys where purpose = 'audit'").get() as {
        key_id: string;
      };
      database.prepare(insert).run("by-a-true-one", trueId);
      database.prepare(insert).run("by-junk", "by-a-true-one");
    });
    await api.reopen();
    const report = await api.services.audit.verify(api.orgId);
    expect(report).toMatchObject({
      valid: true,
      untrustedKeyIds: expect.arrayContaining(["by-a-true-one", "by-junk"]) as string[],
    });
  });
});

describe("an audit that was signed anew with a key that was put into the database", () => {
  const api = useServices();

  it.each([
    ["as one more key", (database: Database.Database, key: NewKey) => plant(database, key, "audit")],
    [
      "in the place of the true one",
      (database: Database.Database, key: NewKey) => {
        database.prepare("delete from public_keys where purpose = 'audit'").run();
        plant(database, key, "audit");
      },
    ],
    [
      "under the name of the true one",
      (database: Database.Database, key: NewKey) => {
        const update = "update public_keys set public_key_pem = ?, endorsed_by = key_id where purpose = 'audit'";
        database.prepare(update).run(key.publicKeyPem);
      },
    ],
    [
      "and every endorsement was removed, as before an upgrade",
      (database: Database.Database, key: NewKey) => {
        plant(database, key, "audit");
        database.prepare("update public_keys set endorsed_by = null, endorsement = null").run();
      },
    ],
  ])("%s does not verify, before and after a restart, and its head is not signed", async (_, put) => {
    await api.publish("dev");
    const key = newKey();
    api.tamperFile((database) => {
      put(database, key);
      forge(database, key);
    });
    for (let starts = 0; starts < 2; starts += 1) {
      const report = await api.services.audit.verify(api.orgId);
      expect(report).toMatchObject({ valid: false, firstBroken: 1 });
      expect(report.trustedKeyIds).not.toContain(idOf(key));
      expect(report.reason).toContain(`no key of this server endorses its key ${idOf(key)}`);
      await expect(api.services.audit.head(api.orgId)).rejects.toMatchObject({ code: "data_loss" });
      await api.reopen();
    }
  });
});

describe("a key that was changed", () => {
  const api = useServices();
  const auditFile = () => join(api.directory, "audit-signing-key.pem");
  const change = async (key: NewKey) => {
    writeFileSync(auditFile(), key.pem, { mode: 0o600 });
    await api.reopen();
  };

  it("endorses the ones before it, through every change and back, and for nothing that was put beside them", async () => {
    const [first] = (await api.services.audit.verify(api.orgId)).trustedKeyIds;
    const [second, third, planted] = [newKey(), newKey(), newKey()];
    const old = readFileSync(auditFile(), "utf8");
    api.tamperFile((database) => plant(database, planted, "audit"));
    for (const key of [second, third]) {
      await change(key);
      await api.publish("dev");
    }
    const report = await api.services.audit.verify(api.orgId);
    expect(report).toMatchObject({ valid: true, untrustedKeyIds: [idOf(planted)] });
    expect(new Set(report.trustedKeyIds)).toEqual(new Set([first, idOf(second), idOf(third)]));
    await change({ ...second, pem: old });
    await api.publish("dev");
    expect(await api.services.audit.verify(api.orgId)).toMatchObject({
      ...{ valid: true, untrustedKeyIds: [idOf(planted)] },
      trustedKeyIds: expect.arrayContaining([first, idOf(second), idOf(third)]),
    });
  });

  it("does not endorse the one before it when current-keys.json is lost, until that one started once more", async () => {
    const [first] = (await api.services.audit.verify(api.orgId)).trustedKeyIds;
    const old = readFileSync(auditFile(), "utf8");
    await api.publish("dev");
    const second = newKey();
    rmSync(join(api.directory, "current-keys.json"));
    await change(second);
    const lost = await api.services.audit.verify(api.orgId);
    expect(lost).toMatchObject({ valid: false, firstBroken: 1, untrustedKeyIds: [first] });
    await change({ ...second, pem: old });
    await change(second);
    await api.publish("dev");
    const found = await api.services.audit.verify(api.orgId);
    expect(found).toMatchObject({ valid: true, untrustedKeyIds: [] });
    expect(new Set(found.trustedKeyIds)).toEqual(new Set([first, idOf(second)]));
  });

  it("takes on trust what a database of an earlier release has, once", async () => {
    const [older, planted] = [newKey(), newKey()];
    api.tamperFile((database) => {
      plant(database, older, "audit");
      database.prepare("update public_keys set endorsed_by = null, endorsement = null").run();
    });
    rmSync(join(api.directory, "current-keys.json"));
    await api.reopen();
    api.tamperFile((database) => plant(database, planted, "audit"));
    await api.reopen();
    const report = await api.services.audit.verify(api.orgId);
    expect(report).toMatchObject({ valid: true, untrustedKeyIds: [idOf(planted)] });
    expect(report.trustedKeyIds).toContain(idOf(older));
  });
});

describe("keys of one's own", () => {
  const api = useServices();
  const keysOf = async (caller = api.admin) => {
    const listed = await api.services.keys.list(caller);
    return listed.map(({ key: { keyId, purpose, orgId, environmentId }, state, environment }) => {
      return { keyId, purpose, orgId, environmentId, isCurrent: state === "current", environment };
    });
  };
  const current = async (caller = api.admin) =>
    (await keysOf(caller)).filter(({ purpose, isCurrent }) => purpose === "bundles" && isCurrent);

  it("are the server's for the first organization, and others' for every other one, the same after a restart", async () => {
    const foreigner = await api.foreigner();
    const [own, foreign] = [await keysOf(), await keysOf(foreigner)];
    expect(own.map(({ orgId }) => orgId)).toEqual([null, null, null, null]);
    expect(foreign.map(({ purpose, orgId }) => [purpose, orgId])).toEqual([
      ["bundles", foreigner.orgId],
      ["audit", null],
      ["webhooks", foreigner.orgId],
      ["attestation", null],
    ]);
    const shared = own.filter(({ keyId }) => foreign.some((key) => key.keyId === keyId));
    expect(shared.map(({ purpose }) => purpose)).toEqual(["audit", "attestation"]);
    await api.reopen();
    expect(await keysOf(foreigner)).toEqual(foreign);
  });

  it("sign an environment's bundles from the moment that it is asked for, and only its tokens have them as current", async () => {
    const { environments } = api.services;
    const before = await api.publish("prod");
    const { principal: prod } = await api.runtime("prod");
    const { principal: dev } = await api.runtime("dev");
    const changed = await environments.update(api.admin, api.path("prod"), { signingKey: "environment" });
    const after = await api.publish("prod");
    const staging = await api.publish("staging");
    expect(after.bundle.keyId).not.toBe(before.bundle.keyId);
    expect(staging.bundle.keyId).toBe(before.bundle.keyId);
    expect(await current(prod)).toMatchObject([{ keyId: after.bundle.keyId, environment: "prod" }]);
    expect(await current(dev)).toMatchObject([{ keyId: before.bundle.keyId, environment: null }]);
    expect((await keysOf(dev)).map(({ keyId }) => keyId)).not.toContain(after.bundle.keyId);
    // A promotion is signed with the target's.
    expect((await api.promote("staging")).bundle.keyId).toBe(after.bundle.keyId);
    await environments.update(api.admin, api.path("prod"), { signingKey: "organization" });
    expect((await api.publish("prod")).bundle.keyId).toBe(before.bundle.keyId);
    expect(await api.actions()).toContain("environment.updated");
    await api.unprotect(api.path("prod"));
    await environments.delete(api.admin, api.path("prod"));
    expect((await keysOf()).map(({ environmentId }) => environmentId)).not.toContain(changed.id);
  });

  it("come to an organization of an earlier release when it asks, once, and it keeps seeing the server's", async () => {
    const foreigner = await api.foreigner();
    const asOfBefore = "update organizations set own_keys_since = null where is_operator = 0";
    api.tamperFile((database) => {
      database.prepare(asOfBefore).run();
      database.prepare("delete from public_keys where org_id is not null").run();
    });
    const [server] = await current();
    expect(await current(foreigner)).toMatchObject([{ keyId: server?.keyId, orgId: null }]);
    api.clock.advanceSeconds(1);
    await api.services.organizations.update(foreigner, foreigner.orgId, { signingKey: "organization" });
    const [own] = await current(foreigner);
    expect(own).toMatchObject({ orgId: foreigner.orgId });
    expect((await keysOf(foreigner)).map(({ keyId }) => keyId)).toContain(server?.keyId);
    const refused = api.services.organizations.update(api.admin, api.admin.orgId, { signingKey: "organization" });
    await expect(refused).rejects.toMatchObject({ code: "invalid" });
  });

  it("change with the server's, are listed at once, and endorsed", async () => {
    const foreigner = await api.foreigner();
    await api.services.environments.update(api.admin, api.path("prod"), { signingKey: "environment" });
    const published = await api.publish("prod");
    const before = await current(foreigner);
    const key = newKey();
    writeFileSync(join(api.directory, "bundle-signing-key.pem"), key.pem, { mode: 0o600 });
    await api.reopen();
    const after = await current(foreigner);
    expect(after).toHaveLength(1);
    expect(after[0]?.keyId).not.toBe(before[0]?.keyId);
    expect((await keysOf(foreigner)).map(({ keyId }) => keyId)).toContain(before[0]?.keyId);
    expect((await keysOf()).map(({ keyId }) => keyId)).toEqual(
      expect.arrayContaining([idOf(key), published.bundle.keyId]),
    );
    expect(new Set((await current()).map(({ environment }) => environment))).toEqual(new Set(["prod", null]));
  });

  it("are not there without the server's: no organization is made, and nothing is stored", async () => {
    rmSync(join(api.directory, "bundle-signing-key.pem"));
    await api.reopen();
    const before = await api.fingerprint();
    await expect(api.foreigner()).rejects.toMatchObject({ code: "signing_failed" });
    const update = api.services.environments.update(api.admin, api.path("dev"), { signingKey: "environment" });
    await expect(update).rejects.toMatchObject({ code: "signing_failed" });
    expect(await api.fingerprint()).toEqual(before);
  });

  it("of a signature's purpose differ from those of every other, whoever's they are", async () => {
    await api.foreigner();
    const ids = (await keysOf()).concat(await keysOf(await api.foreigner("third"))).map(({ keyId }) => keyId);
    expect(new Set(ids).size).toBe(ids.length - 2);
  });
});
