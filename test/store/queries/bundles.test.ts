import { describe, expect, it } from "vitest";
import { aBundle, aContent, activate, insertTenancy, publish } from "../sample.js";
import { onPostgres, useStore } from "../temporary-store.js";

describe("bundles", () => {
  const db = useStore();

  it.each([
    [
      "with all set",
      {
        publishedBy: "ana",
        title: "T",
        description: "D",
        labels: { team: "läbel", __proto__x: "1" },
        source: { repository: "r", revision: "1", url: "u" },
        origin: "promote" as const,
      },
    ],
    ["with nothing optional", {}],
  ])("keeps one %s", async (_case, changes) => {
    const { dev } = await insertTenancy(db);
    const bundle = aBundle(dev, changes);
    await db.write(async (tx) => {
      await tx.putContent(aContent("policy"));
      await tx.insertBundle(bundle);
    });
    expect(await db.read.bundleById(bundle.id)).toStrictEqual(bundle);
    const state = { bundle, isActive: false, deploymentId: null, sequence: null };
    expect(await db.read.bundle(dev.id, 1)).toStrictEqual(state);
    expect(await db.read.bundles(dev.id, 10)).toStrictEqual({ rows: [state], total: 1 });
  });

  it("answers null for what is not there", async () => {
    const { dev, prod } = await insertTenancy(db);
    await db.write((tx) => publish(tx, dev.id));
    expect(await db.read.bundle(dev.id, 2)).toBeNull();
    expect(await db.read.bundle(prod.id, 1)).toBeNull();
    expect(await db.read.bundleById("none")).toBeNull();
  });

  it("tells the newest activation of each, and which one is active", async () => {
    const { dev } = await insertTenancy(db);
    const { first, rollback } = await db.write(async (tx) => {
      const first = await publish(tx, dev.id);
      await publish(tx, dev.id);
      return { first, rollback: await activate(tx, first) };
    });
    expect(rollback.sequence).toBe(3);
    expect(await db.read.bundle(dev.id, first.version)).toMatchObject({
      isActive: true,
      sequence: 3,
      deploymentId: rollback.id,
    });
    expect(await db.read.bundle(dev.id, 2)).toMatchObject({ isActive: false, sequence: 2 });
    expect((await db.read.bundles(dev.id, 10)).rows).toHaveLength(2);
  });

  it("lists the newest first below a version, with the total of all", async () => {
    const { dev, prod } = await insertTenancy(db);
    await db.write(async (tx) => {
      for (let version = 1; version <= 5; version++) await publish(tx, dev.id);
      await publish(tx, prod.id);
    });
    const versions = async (limit: number, before?: number) => {
      const { rows, total } = await db.read.bundles(dev.id, limit, before);
      return { versions: rows.map((row) => row.bundle.version), total };
    };
    expect(await versions(2)).toStrictEqual({ versions: [5, 4], total: 5 });
    expect(await versions(2, 4)).toStrictEqual({ versions: [3, 2], total: 5 });
    expect(await versions(2, 1)).toStrictEqual({ versions: [], total: 5 });
    expect(await db.read.countBundles(dev.id)).toBe(5);
    expect(await db.read.countBundles("none")).toBe(0);
  });

  it("refuses a second bundle with the same version with conflict", async () => {
    const { dev } = await insertTenancy(db);
    await db.write((tx) => publish(tx, dev.id));
    const twin = aBundle(dev);
    // A node of several takes a version that is given again for a lost history.
    const refused = onPostgres
      ? { code: "unavailable", reason: "history_lost" }
      : { code: "conflict", message: "bundles: there is one with the same environment id and version already" };
    await expect(db.write((tx) => tx.insertBundle(twin))).rejects.toMatchObject(refused);
    expect(await db.read.bundleById(twin.id)).toBeNull();
  });

  it("refuses a bundle without its content or its environment", async () => {
    const { dev } = await insertTenancy(db);
    const noContent = aBundle(dev);
    await expect(db.write((tx) => tx.insertBundle(noContent))).rejects.toMatchObject({ code: "internal" });
    const noEnvironment = aBundle({ ...dev, id: "none" });
    await expect(db.write((tx) => tx.insertBundle(noEnvironment))).rejects.toMatchObject({ code: "internal" });
    expect(await db.read.bundleById(noContent.id)).toBeNull();
  });

  it.each([
    ["bundles", "version", "bundles are never changed"],
    ["contents", "policies", "contents are never changed"],
    ["deployments", "sequence", "deployments are never changed"],
  ])("lets nobody change %s, not even past the store", async (table, column, message) => {
    const { dev } = await insertTenancy(db);
    await db.write((tx) => publish(tx, dev.id));
    const before = await db.read.bundle(dev.id, 1);
    await expect(db.raw(`update ${table} set ${column} = '9'`)).rejects.toThrow(message);
    expect(await db.read.bundle(dev.id, 1)).toStrictEqual(before);
  });
});
