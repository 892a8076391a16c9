import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chosenRawKey, createRawKey, hashRawKey } from "../../../src/service/tokens/raw-key.js";
import type { Store } from "../../../src/store/store.js";
import { DAY, useServices } from "../fixture.js";

const NEVER = { name: null, expiresInDays: null };

describe("a raw key", () => {
  it.each([
    ["admin", /^signet_adm_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/],
    ["ci", /^signet_ci_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/],
    ["runtime", /^signet_rt_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/],
  ] as const)("of kind %s names product and kind, and its prefix holds none of the secret", (type, form) => {
    const { rawKey, keyPrefix, hash } = createRawKey(type);
    expect(rawKey).toMatch(form);
    const secret = rawKey.slice(keyPrefix.length + 1);
    expect(rawKey).toBe(`${keyPrefix}_${secret}`);
    expect(secret).toHaveLength(49);
    expect(keyPrefix).not.toContain(secret.slice(0, 8));
    expect(hash).toBe(hashRawKey(rawKey));
    expect(createRawKey(type).rawKey).not.toBe(rawKey);
  });

  it("ends in its CRC-32 in base 62, so that a scanner can tell", () => {
    const { rawKey } = createRawKey("ci");
    const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const number = [...rawKey.slice(-6)].reduce((sum, digit) => sum * 62 + alphabet.indexOf(digit), 0);
    expect(number).toBe(crc32(rawKey.slice(0, -6)));
  });

  it("that the operator chose has a prefix of its hash", () => {
    const { keyPrefix, hash } = chosenRawKey("my-very-own-admin-token-1");
    expect(keyPrefix).toBe(`chosen_${hash.slice(0, 8)}`);
    expect(keyPrefix).not.toContain("my-very");
  });
});

describe("a token", () => {
  const signet = useServices();
  const authentication = () => signet.services.authentication;
  const tokens = () => signet.services.tokens;

  it("is kept as its hash: the raw key is nowhere in the data directory, in no list and not in the audit", async () => {
    const { rawKey, token } = await tokens().createAdmin(signet.admin, NEVER);
    const rotated = await tokens().rotate(signet.admin, token.id, 60);
    const listed = JSON.stringify(await tokens().list(signet.admin, { offset: 0 }));
    const audit = JSON.stringify(await signet.services.audit.list({ orgId: signet.orgId, limit: 1000 }));
    await signet.reopen();
    const database = await signet.database.text();
    expect(database).toContain(hashRawKey(rotated.rawKey));
    for (const raw of [rawKey, rotated.rawKey]) {
      const secret = raw.split("_").at(-1) ?? "";
      for (const text of [listed, audit, database]) expect(text).not.toContain(secret);
    }
  });

  it.each([
    ["unknown", "signet-key-that-nobody-made"],
    ["of our form with a wrong checksum", `signet_adm_00000000_${"0".repeat(49)}`],
    ["empty", ""],
  ])("that is %s is refused with the text of one that was revoked", async (_, rawKey) => {
    const { rawKey: revoked, token } = await tokens().createAdmin(signet.admin, NEVER);
    await tokens().revoke(signet.admin, token.id);
    const reason = { code: "unauthenticated", message: "invalid or expired token" };
    await expect(authentication().authenticate(revoked)).rejects.toMatchObject(reason);
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject(reason);
  });

  it("stops when it expires, to the millisecond", async () => {
    const { rawKey } = await tokens().createAdmin(signet.admin, { name: null, expiresInDays: 1 });
    signet.clock.advanceSeconds(DAY - 0.001);
    expect((await authentication().authenticate(rawKey)).expiresAt).toBe("2026-05-02T12:00:00.000Z");
    signet.clock.advanceSeconds(0.001);
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("rotated without grace stops at once; the new key has the same rights", async () => {
    const { rawKey, principal, token } = await signet.runtime("dev");
    const rotated = await tokens().rotate(signet.admin, token.id, 0);
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
    const { keyPrefix } = rotated.token;
    expect(await authentication().authenticate(rotated.rawKey)).toEqual({
      ...principal,
      keyPrefix,
      keyHash: hashRawKey(rotated.rawKey),
    });
    expect(keyPrefix).not.toBe(token.keyPrefix);
  });

  it("rotated with grace works under both keys until the grace is over", async () => {
    const { rawKey, token } = await signet.runtime("dev");
    const rotated = await tokens().rotate(signet.admin, token.id, 60);
    signet.clock.advanceSeconds(59);
    expect((await authentication().authenticate(rawKey)).expiresAt).toBe("2026-05-01T12:01:00.000Z");
    expect((await authentication().authenticate(rotated.rawKey)).expiresAt).toBeNull();
    signet.clock.advanceSeconds(1);
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
    await authentication().authenticate(rotated.rawKey);
  });

  it("rotated with a grace beyond its expiry does not live longer", async () => {
    const { rawKey, token } = await signet.runtime("dev", { expiresInDays: 1 });
    await tokens().rotate(signet.admin, token.id, 2 * DAY);
    expect((await authentication().authenticate(rawKey)).expiresAt).toBe("2026-05-02T12:00:00.000Z");
    signet.clock.advanceSeconds(DAY);
    await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("rotated twice works under the last two keys only, and revoked under none", async () => {
    const { rawKey: first, token } = await signet.runtime("dev");
    const { rawKey: second } = await tokens().rotate(signet.admin, token.id, 600);
    const { rawKey: third } = await tokens().rotate(signet.admin, token.id, 600);
    await expect(authentication().authenticate(first)).rejects.toMatchObject({ code: "unauthenticated" });
    await authentication().authenticate(second);
    await tokens().revoke(signet.admin, token.id);
    for (const rawKey of [second, third]) {
      await expect(authentication().authenticate(rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
    }
  });

  it("that is revoked or expired cannot be rotated back to life", async () => {
    const revoked = await tokens().createAdmin(signet.admin, NEVER);
    const expired = await tokens().createAdmin(signet.admin, { name: null, expiresInDays: 1 });
    await tokens().revoke(signet.admin, revoked.token.id);
    signet.clock.advanceSeconds(DAY);
    const before = await signet.fingerprint();
    for (const { token } of [revoked, expired]) {
      await expect(tokens().rotate(signet.admin, token.id, 0)).rejects.toMatchObject({ code: "conflict" });
    }
    expect(await signet.fingerprint()).toEqual(before);
  });

  it.each([["an environment that is not there", () => signet.ci(["dev", "nowhere"]), "environments"]])(
    "with %s is refused, and nothing is stored",
    async (_, work, field) => {
      const before = await signet.fingerprint();
      await expect(work()).rejects.toMatchObject({ code: "invalid", fields: [{ loc: ["body", field] }] });
      expect(await signet.fingerprint()).toEqual(before);
    },
  );

  it("is noted as used to the minute, and never moves back", async () => {
    const { rawKey, token } = await tokens().createAdmin(signet.admin, NEVER);
    signet.clock.advanceSeconds(90);
    await authentication().authenticate(rawKey);
    await signet.services.use.flush();
    const lastUsed = async () => (await signet.store.read.token(signet.orgId, token.id))?.lastUsedAt;
    expect(await lastUsed()).toBe("2026-05-01T12:01:00.000Z");
    signet.clock.advanceSeconds(-90);
    await authentication().authenticate(rawKey);
    await signet.services.use.flush();
    expect(await lastUsed()).toBe("2026-05-01T12:01:00.000Z");
  });
});

const NOWHERE = "00000000-0000-4000-8000-000000000000";

describe("a token of another organization", () => {
  const signet = useServices();

  it("answers exactly as one that does not exist, and stays as it is", async () => {
    const foreigner = await signet.foreigner();
    const { tokens } = signet.services;
    const { token } = await signet.runtime("dev");
    const before = await signet.fingerprint();
    const target = { projectId: signet.projectId, ...NEVER };
    const cases = [
      [() => tokens.rotate(foreigner, token.id, 0), () => tokens.rotate(foreigner, 999, 0)],
      [() => tokens.revoke(foreigner, token.id), () => tokens.revoke(foreigner, 999)],
      [
        () => tokens.createCi(foreigner, { ...target, environments: [] }),
        () => tokens.createCi(foreigner, { ...target, projectId: NOWHERE, environments: [] }),
      ],
      [
        () => tokens.createRuntime(foreigner, { ...target, environmentId: token.environmentId ?? "" }),
        () => tokens.createRuntime(foreigner, { ...target, projectId: NOWHERE, environmentId: NOWHERE }),
      ],
    ] as const;
    for (const [foreign, missing] of cases) {
      const refusals = await Promise.all([foreign, missing].map((work) => work().catch((error: unknown) => error)));
      const [first, second] = refusals.map((error) => ({ ...(error as object), text: String(error) }));
      expect(first).toMatchObject({ code: "not_found" });
      expect(first).toEqual(second);
    }
    expect(await signet.fingerprint()).toEqual(before);
    const listed = await tokens.list(foreigner, { offset: 0 });
    expect(listed.rows.every(({ orgId }) => orgId === foreigner.orgId)).toBe(true);
    expect(listed.total).toBe(1);
  });
});

describe("a key that the caller made and that another organization's token has", () => {
  const api = useServices();

  it("is told of once, when the token is there, however often its transaction is run", async () => {
    const { store } = api;
    const undone = new Error("undone");
    const repeating: Store = {
      ...store,
      write: async (work) => {
        const first = store.write(async (tx) => {
          await work(tx);
          throw undone;
        });
        await expect(first).rejects.toBe(undone);
        expect(api.foreignKeys).toEqual([]);
        return await store.write(work);
      },
    };
    const taken = createRawKey("admin");
    await api.services.tokens.createAdmin(api.admin, { ...NEVER, keyHash: taken.hash });
    const foreigner = await api.foreigner();
    const { tokens } = api.compose(repeating);
    const { token } = await tokens.createAdmin(foreigner, { ...NEVER, keyHash: taken.hash });
    expect(api.foreignKeys).toEqual([[foreigner.orgId, token.keyPrefix]]);
  });

  it("makes no difference to what is answered, is the operator's to hear of, and goes on authenticating its first owner", async () => {
    const [taken, free] = [createRawKey("admin"), createRawKey("admin")];
    await api.services.tokens.createAdmin(api.admin, { ...NEVER, keyHash: taken.hash });
    const foreigner = await api.foreigner();
    const make = (keyHash: string) => api.services.tokens.createAdmin(foreigner, { ...NEVER, keyHash });
    const shape = ({ token: { id: _id, hash: _hash, keyPrefix, ...rest } }: Awaited<ReturnType<typeof make>>) => {
      return { ...rest, keyPrefix: keyPrefix.replace(/[0-9a-f]{8}$/, "") };
    };

    const [byTaken, byFree] = [await make(taken.hash), await make(free.hash)];
    expect(shape(byTaken)).toEqual(shape(byFree));
    expect(byTaken.token.keyPrefix).toBe(`chosen_${taken.hash.slice(0, 8)}`);
    expect(api.foreignKeys).toEqual([[foreigner.orgId, byTaken.token.keyPrefix]]);
    // A second time both are the organization's own already.
    for (const keyHash of [taken.hash, free.hash]) {
      await expect(make(keyHash)).rejects.toMatchObject({ code: "conflict", reason: "key_exists" });
    }
    expect(await api.services.authentication.authenticate(taken.rawKey)).toMatchObject({ orgId: api.orgId });
    expect(await api.services.authentication.authenticate(free.rawKey)).toMatchObject({ orgId: foreigner.orgId });
  });

  it("stays its first owner's when it is rotated to, revoked there, or rotated away from with a grace", async () => {
    const { authentication, tokens } = api.services;
    const key = createRawKey("admin");
    const older = await api.foreigner();
    const { token } = await tokens.createAdmin(api.admin, { ...NEVER, keyHash: key.hash });
    const { token: rotated } = await tokens.rotate(older, older.tokenId, 0, key.hash);
    expect(rotated.keyPrefix).toBe(token.keyPrefix);
    expect(await authentication.authenticate(key.rawKey)).toMatchObject({ orgId: api.orgId, tokenId: token.id });
    await tokens.rotate(older, older.tokenId, 60);
    await tokens.revoke(api.admin, token.id);
    await expect(authentication.authenticate(key.rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
    await api.tamper("delete from tokens where id = ?", token.id);
    await expect(authentication.authenticate(key.rawKey)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  it("is refused to the operator's new organization, which would have no other token", async () => {
    const key = createRawKey("admin");
    const foreigner = await api.foreigner();
    await api.services.tokens.createAdmin(foreigner, { ...NEVER, keyHash: key.hash });
    const input = { name: "new", plan: null, versionsPerEnvironment: null, adminKeyHash: key.hash };
    await expect(api.services.organizations.create(api.admin, input)).rejects.toMatchObject({ reason: "key_exists" });
  });
});
