import { describe, expect, it } from "vitest";
import { AppError } from "../../src/core/error.js";
import { aContent, anOrganization, insertTenancy, publish } from "./sample.js";
import { useStore } from "./temporary-store.js";

describe("transactions", () => {
  const db = useStore();

  it("answer with what the work resolved with, after it is durable", async () => {
    const organization = anOrganization();
    const answer = await db.write(async (tx) => {
      await tx.insertOrganization(organization);
      return "done";
    });
    expect(answer).toBe("done");
    await db.reopen();
    expect(await db.read.organization(organization.id)).toStrictEqual(organization);
  });

  it("leave nothing behind when the work rejects, and reject with its very error", async () => {
    const { dev } = await insertTenancy(db);
    const reason = new AppError("precondition_failed", "moved on");
    const work = db.write(async (tx) => {
      await publish(tx, dev.id);
      expect(await tx.countBundles(dev.id)).toBe(1);
      throw reason;
    });
    await expect(work).rejects.toBe(reason);
    expect(await db.read.countBundles(dev.id)).toBe(0);
    expect(await db.read.content(aContent("policy").id)).toBeNull();
    expect(await db.read.environmentById(dev.id)).toStrictEqual(dev);
    expect((await db.read.deployments(dev.id, { limit: 1, offset: 0 })).total).toBe(0);
  });

  it("are not seen by reads, and do not keep reads waiting, before they commit", async () => {
    const organization = anOrganization();
    await db.write(async (tx) => {
      await tx.insertOrganization(organization);
      expect(await tx.organization(organization.id)).toStrictEqual(organization);
      // Resolves while the transaction is open; a read that waited for it would hang this test.
      expect(await db.read.organization(organization.id)).toBeNull();
      await db.store.ping();
    });
    expect(await db.read.organization(organization.id)).toStrictEqual(organization);
  });

  it("run one after another, in the order in which they were asked for", async () => {
    const { dev } = await insertTenancy(db);
    const steps: string[] = [];
    const writers = Array.from({ length: 5 }, (_, i) =>
      db.write(async (tx) => {
        steps.push(`begin ${i}`);
        const { version } = await publish(tx, dev.id);
        steps.push(`end ${i}`);
        return version;
      }),
    );
    expect(await Promise.all(writers)).toStrictEqual([1, 2, 3, 4, 5]);
    expect(steps).toStrictEqual([0, 1, 2, 3, 4].flatMap((i) => [`begin ${i}`, `end ${i}`]));
  });

  it("let the next one in after one that failed", async () => {
    const { dev } = await insertTenancy(db);
    const failing = db.write(async (tx) => {
      await publish(tx, dev.id);
      throw new Error("no");
    });
    const next = db.write((tx) => publish(tx, dev.id));
    await expect(failing).rejects.toThrow("no");
    expect((await next).version).toBe(1);
  });

  it("go on after a statement that was refused, if the work does", async () => {
    const organization = anOrganization();
    await db.write(async (tx) => {
      await tx.insertOrganization(organization);
      await expect(tx.insertOrganization(organization)).rejects.toMatchObject({ code: "conflict" });
    });
    expect(await db.read.organization(organization.id)).toStrictEqual(organization);
  });
});
