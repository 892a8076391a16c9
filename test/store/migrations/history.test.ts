import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { describe, expect, it } from "vitest";
import { history } from "../../../src/store/migrations/0001-0020/0004-history.js";
import { insertTenancy, publish } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("the number of versions that an environment keeps", () => {
  const db = useStore();

  it("follows each insertion and deletion, and one that is deleted twice counts once", async () => {
    const { dev, prod } = await insertTenancy(db);
    const [first] = await db.write(async (tx) => [await publish(tx, dev.id, "a"), await publish(tx, dev.id, "b")]);
    expect(await db.read.countBundles(dev.id)).toBe(2);
    for (let times = 0; times < 2; times += 1) await db.write((tx) => tx.deleteBundle(first));
    expect(await db.read.countBundles(dev.id)).toBe(1);
    expect((await db.read.bundles(dev.id, 10)).total).toBe(1);
    expect(await db.read.countBundles(prod.id)).toBe(0);
    expect(await db.read.countBundles("none")).toBe(0);
  });

  it("is not changed by who writes an environment back as it was read before", async () => {
    const { dev } = await insertTenancy(db);
    await db.write((tx) => publish(tx, dev.id));
    const before = await db.read.environmentById(dev.id);
    await db.write((tx) => publish(tx, dev.id, "b"));
    await db.write(async (tx) => {
      const now = await tx.environmentById(dev.id);
      await tx.updateEnvironment({ ...before!, ...now!, position: 7 });
    });
    expect(await db.read.countBundles(dev.id)).toBe(2);
  });

  it("is counted once for a database of the release before", async () => {
    const { dev, prod } = await insertTenancy(db);
    await db.write(async (tx) => {
      for (const text of ["a", "b", "c"]) await publish(tx, dev.id, text);
    });
    await db.store[Symbol.asyncDispose]();
    const raw = new Database(db.file);
    raw.exec("alter table environments drop column kept_versions");
    await history().up(new Kysely<unknown>({ dialect: new SqliteDialect({ database: raw }) }));
    raw.close();
    await db.reopen();
    expect(await db.read.countBundles(dev.id)).toBe(3);
    expect(await db.read.countBundles(prod.id)).toBe(0);
  });
});
