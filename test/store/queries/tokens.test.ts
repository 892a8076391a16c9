import { describe, expect, it } from "vitest";
import { aProject, aToken, insertTenancy, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("tokens", () => {
  const db = useStore();

  it("keeps one with all set, in its own organization only", async () => {
    const { organization, project, dev } = await insertTenancy(db);
    const token = aToken(organization.id, {
      keyType: "runtime",
      projectId: project.id,
      environmentId: dev.id,
      name: "edge",
      environments: ["dev", "prod"],
      previousHash: "b".repeat(64),
      previousExpiresAt: minutesLater(1),
      expiresAt: minutesLater(2),
      revokedAt: minutesLater(3),
      lastUsedAt: minutesLater(4),
    });
    const kept = await db.write((tx) => tx.insertToken(token));
    expect(kept).toStrictEqual({ ...token, id: 1 });
    expect(await db.read.token(organization.id, 1)).toStrictEqual(kept);
    expect(await db.read.token("another", 1)).toBeNull();
    expect(await db.read.token(organization.id, 2)).toBeNull();
  });

  it("finds by the current and by the previous hash", async () => {
    const { organization } = await insertTenancy(db);
    const token = aToken(organization.id, { hash: "new", previousHash: "old" });
    const kept = await db.write(async (tx) => {
      await tx.insertToken(aToken(organization.id));
      return tx.insertToken(token);
    });
    expect(await db.read.tokenByHash("new")).toStrictEqual(kept);
    expect(await db.read.tokenByHash("old")).toStrictEqual(kept);
    expect(await db.read.tokenByHash("other")).toBeNull();
  });

  it("refuses a hash that is taken with conflict, and shows no hash", async () => {
    const { organization } = await insertTenancy(db);
    const token = aToken(organization.id, { hash: "5ec7e7" });
    await db.write((tx) => tx.insertToken(token));
    const error: unknown = await db.write((tx) => tx.insertToken(token)).catch((it: unknown) => it);
    expect(error).toMatchObject({ code: "conflict", message: "tokens: there is one with the same hash already" });
  });

  it("changes a token", async () => {
    const { organization } = await insertTenancy(db);
    const before = await db.write((tx) => tx.insertToken(aToken(organization.id)));
    const other = await db.write((tx) => tx.insertToken(aToken(organization.id)));
    const after = {
      ...before,
      name: "renamed",
      keyPrefix: "sgn_x",
      hash: "h2",
      previousHash: before.hash,
      previousExpiresAt: minutesLater(1),
      expiresAt: minutesLater(2),
      revokedAt: minutesLater(3),
      lastUsedAt: minutesLater(4),
    };
    await db.write((tx) => tx.updateToken(after));
    expect(await db.read.token(organization.id, before.id)).toStrictEqual(after);
    expect(await db.read.token(organization.id, other.id)).toStrictEqual(other);
  });

  it("never gives an id twice, not even after its token was deleted and the store reopened", async () => {
    const { organization, project } = await insertTenancy(db);
    const last = await db.write((tx) => tx.insertToken(aToken(organization.id, { projectId: project.id })));
    await db.write((tx) => tx.deleteProject(project.id, "2026-01-01T00:00:00.000Z"));
    expect(await db.read.token(organization.id, last.id)).toBeNull();
    await db.reopen();
    const next = await db.write((tx) => tx.insertToken(aToken(organization.id)));
    expect(next.id).toBeGreaterThan(last.id);
  });

  it("lists the newest first by organization, project and type", async () => {
    const { organization, project } = await insertTenancy(db);
    const other = aProject(organization.id, { slug: "other" });
    await db.write(async (tx) => {
      await tx.insertProject(other);
      await tx.insertToken(aToken(organization.id));
      await tx.insertToken(aToken(organization.id, { keyType: "ci", projectId: project.id }));
      await tx.insertToken(aToken(organization.id, { keyType: "runtime", projectId: project.id }));
      await tx.insertToken(aToken(organization.id, { keyType: "ci", projectId: other.id }));
    });
    const ids = async (filter: object) => {
      const { rows, total } = await db.read.tokens({ orgId: organization.id, limit: 10, offset: 0, ...filter });
      return { ids: rows.map((row) => row.id), total };
    };
    expect(await ids({})).toStrictEqual({ ids: [4, 3, 2, 1], total: 4 });
    expect(await ids({ limit: 2, offset: 1 })).toStrictEqual({ ids: [3, 2], total: 4 });
    expect(await ids({ projectId: project.id })).toStrictEqual({ ids: [3, 2], total: 2 });
    expect(await ids({ keyType: "ci" })).toStrictEqual({ ids: [4, 2], total: 2 });
    expect(await ids({ projectId: project.id, keyType: "ci" })).toStrictEqual({ ids: [2], total: 1 });
    expect(await ids({ orgId: "another" })).toStrictEqual({ ids: [], total: 0 });
  });

  it.each([
    ["lives for ever", {}, true],
    ["expires later", { expiresAt: minutesLater(11) }, true],
    ["expires now", { expiresAt: minutesLater(10) }, false],
    ["is revoked", { revokedAt: minutesLater(1) }, false],
    ["is of another type", { keyType: "ci" as const }, false],
    ["is of another environment", { environmentId: null }, false],
  ])("counts a token as a live runtime token or not: it %s", async (_case, changes, isLive) => {
    const { organization, project, dev } = await insertTenancy(db);
    const runtime = { keyType: "runtime" as const, projectId: project.id, environmentId: dev.id };
    const token = await db.write((tx) => tx.insertToken(aToken(organization.id, { ...runtime, ...changes })));
    expect(await db.read.liveRuntimeTokens(dev.id, minutesLater(10))).toStrictEqual(isLive ? [token] : []);
  });

  it("touches many tokens, and never moves a last use back", async () => {
    const { organization } = await insertTenancy(db);
    const count = 1100;
    await db.write(async (tx) => {
      for (let i = 0; i < count; i++) await tx.insertToken(aToken(organization.id));
      await tx.touchTokens([2], minutesLater(9));
      await tx.touchTokens(
        Array.from({ length: count }, (_, i) => i + 1).filter((id) => id !== 3),
        minutesLater(5),
      );
      await tx.touchTokens([], minutesLater(7));
    });
    const lastUse = async (id: number) => (await db.read.token(organization.id, id))?.lastUsedAt;
    expect(await lastUse(1)).toBe(minutesLater(5));
    expect(await lastUse(2)).toBe(minutesLater(9));
    expect(await lastUse(3)).toBeNull();
    expect(await lastUse(count)).toBe(minutesLater(5));
  });
});
