import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Writer } from "../../../src/store/store.js";
import { aBundle, anEvent, anOrganization, insertTenancy, publish } from "../sample.js";
import { numbering, useSharedDatabase } from "./shared-store.js";

function adding(id: string) {
  return async (tx: Writer) => {
    await tx.insertOrganization(anOrganization({ id }));
    return id;
  };
}

function turns(count: number): Promise<void> {
  return count === 0 ? Promise.resolve() : Promise.resolve().then(() => turns(count - 1));
}

describe("writes of nodes on PostgreSQL", () => {
  const shared = useSharedDatabase();

  it("of 200 at once on two nodes give each number once, in the order of the commits, without a gap", async () => {
    const { orgId } = shared;
    const nodes = [await shared.node(), await shared.node()];
    const before = (await shared.numbered()).length;
    const numbers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => nodes[n % 2]!.write(numbering(orgId, `w${n}`))),
    );
    expect(numbers.toSorted((a, b) => a - b)).toStrictEqual(Array.from({ length: 200 }, (_, n) => before + n + 1));
    expect(new Set((await shared.numbered()).slice(before).map(({ resource }) => resource)).size).toBe(200);
  });

  it("one that fails takes back its own changes and no other's of its group", async () => {
    const store = await shared.node();
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()] as const;
    const reason = new Error("changed its mind");
    const results = await Promise.allSettled([
      store.write(adding(a)),
      store.write(async (tx) => {
        await adding(b)(tx);
        throw reason;
      }),
      store.write(adding(c)),
    ]);
    expect(results.map(({ status }) => status)).toStrictEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason });
    expect(await store.read.organization(a)).not.toBeNull();
    expect(await store.read.organization(b)).toBeNull();
    expect(await store.read.organization(c)).not.toBeNull();
  });

  it("a statement that was not waited for fails its own work, and no other's", async () => {
    const { orgId } = shared;
    const store = await shared.node();
    const taken = await store.write(numbering(orgId, "first"));
    const results = await Promise.allSettled([
      store.write(numbering(orgId, "before")),
      store.write((tx) => tx.insertAuditEvent(anEvent(orgId, taken))),
      store.write(numbering(orgId, "after")),
      store.write(async () => "no statement"),
    ]);
    expect(results).toMatchObject([
      { status: "fulfilled", value: taken + 1 },
      { status: "rejected", reason: { code: "conflict" } },
      { status: "fulfilled", value: taken + 2 },
      { status: "fulfilled", value: "no statement" },
    ]);
  });

  it("a foreign key that is checked late fails the work that violates it, and no other's", async () => {
    const store = await shared.node();
    const { dev } = await insertTenancy(store);
    const first = await store.write((tx) => publish(tx, dev.id));
    const orphan = aBundle(dev, { version: 2, contentId: "0".repeat(64) });
    const results = await Promise.allSettled([
      store.write((tx) => publish(tx, dev.id, "before")),
      // What it refers to is missing at the end; in between it may.
      store.write((tx) => tx.insertBundle({ ...orphan, version: 900 })),
      store.write((tx) => tx.deleteBundle(first)),
      store.write((tx) => publish(tx, dev.id, "after")),
    ]);
    expect(results).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { code: "internal" } },
      { status: "fulfilled" },
      { status: "fulfilled", value: { version: 3 } },
    ]);
    // The active one may not go, alone; what comes after it in the same work may put that right.
    const [alone, replaced] = await Promise.allSettled([
      store.write(async (tx) => tx.deleteBundle((await tx.bundle(dev.id, 3))!.bundle)),
      store.write(async (tx) => {
        await tx.deleteBundle((await tx.bundle(dev.id, 3))!.bundle);
        await publish(tx, dev.id, "instead");
      }),
    ]);
    expect(alone).toMatchObject({ status: "rejected", reason: { code: "internal" } });
    expect(replaced.status).toBe("fulfilled");
  });

  it("a statement that comes after the end of its failed work never runs, whenever it comes", async () => {
    const store = await shared.node();
    const ids = Array.from({ length: 40 }, () => randomUUID());
    const works = ids.flatMap((id, n) => [
      store.write(async (tx) => {
        await tx.organization(id);
        void turns(n).then(() => adding(id)(tx).catch(() => undefined));
        throw new Error("no");
      }),
      store.write(adding(randomUUID())),
    ]);
    const results = await Promise.allSettled(works);
    expect(results.map(({ status }) => status)).toStrictEqual(ids.flatMap(() => ["rejected", "fulfilled"]));
    expect(await Promise.all(ids.map((id) => store.read.organization(id)))).toStrictEqual(ids.map(() => null));
  });

  it("a work that goes on after a refused statement fails with the refusal", async () => {
    const { orgId } = shared;
    const store = await shared.node();
    const taken = await store.write(numbering(orgId, "taken"));
    const work = store.write(async (tx) => {
      await tx.insertAuditEvent(anEvent(orgId, taken));
      await tx.auditHead(orgId).catch(() => undefined);
      await tx.insertOrganization(anOrganization()).catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: "conflict" });
  });

  it("see what was committed before them, whatever isolation the database has by default", async () => {
    const { orgId, database } = shared;
    await shared.raw(`alter database ${database.name} set default_transaction_isolation = 'serializable'`);
    await shared.raw(`alter database ${database.name} set synchronous_commit = 'off'`);
    try {
      const nodes = [await shared.node(), await shared.node()];
      const works = Array.from({ length: 20 }, (_, n) => nodes[n % 2]!.write(numbering(orgId, `i${n}`)));
      expect(new Set(await Promise.all(works)).size).toBe(20);
    } finally {
      await shared.raw(`alter database ${database.name} reset all`);
    }
  });
});
