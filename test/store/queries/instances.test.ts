import { describe, expect, it } from "vitest";
import { anInstance, aToken, insertTenancy, minutesLater } from "../sample.js";
import { useStore } from "../temporary-store.js";

const ALL = { limit: 1000, offset: 0 };

describe("runtime instances", () => {
  const db = useStore();

  async function twoTokens() {
    const { organization, project, dev, prod } = await insertTenancy(db);
    const runtime = { keyType: "runtime" as const, projectId: project.id };
    return db.write(async (tx) => ({
      dev,
      first: await tx.insertToken(aToken(organization.id, { ...runtime, environmentId: dev.id })),
      second: await tx.insertToken(aToken(organization.id, { ...runtime, environmentId: dev.id })),
      elsewhere: await tx.insertToken(aToken(organization.id, { ...runtime, environmentId: prod.id })),
    }));
  }

  it("keeps them, last seen first, of one environment", async () => {
    const { dev, first, second, elsewhere } = await twoTokens();
    const a = anInstance(first, { instanceId: "a", lastSeen: minutesLater(1) });
    const b = anInstance(second, {
      instanceId: "b",
      appliedSequence: 4,
      appliedVersion: 2,
      state: "rejected",
      reason: "bad signature",
      agent: "sdk/1",
      labels: { zone: "eu" },
      lastSeen: minutesLater(2),
    });
    await db.write((tx) => tx.putInstances([a, b, anInstance(elsewhere)], 10));
    expect(await db.read.instances(dev.id, ALL)).toStrictEqual({ rows: [b, a], total: 2 });
    expect(await db.read.instancesNamed(dev.id, second.id, ["a", "b", "c"])).toStrictEqual([b]);
    expect(await db.read.instancesNamed(dev.id, first.id, ["b"])).toEqual([]);
    expect(await db.read.instancesNamed(dev.id, first.id, [])).toEqual([]);
    expect(await db.read.instances(dev.id, { limit: 1, offset: 1 })).toStrictEqual({ rows: [a], total: 2 });
  });

  it("replaces an instance by its later report, in one list too", async () => {
    const { dev, first } = await twoTokens();
    const late = anInstance(first, { state: "applied", appliedSequence: 2, lastSeen: minutesLater(2) });
    await db.write((tx) => tx.putInstances([anInstance(first)], 10));
    await db.write((tx) => tx.putInstances([anInstance(first, { state: "rejected" }), late], 10));
    expect(await db.read.instances(dev.id, ALL)).toStrictEqual({ rows: [late], total: 1 });
  });

  it("keeps the last seen of each token, oldest out", async () => {
    const { dev, first, second } = await twoTokens();
    const many = Array.from({ length: 130 }, (_, i) =>
      anInstance(first, { instanceId: `pod-${i}`, lastSeen: minutesLater(i) }),
    );
    await db.write((tx) => tx.putInstances([...many, anInstance(second)], 120));
    await db.write((tx) =>
      tx.putInstances([anInstance(first, { instanceId: "new", lastSeen: minutesLater(500) })], 120),
    );
    const { rows, total } = await db.read.instances(dev.id, ALL);
    const kept = rows.filter((row) => row.tokenId === first.id).map((row) => row.instanceId);
    expect(total).toBe(121);
    expect(kept).toHaveLength(120);
    expect(kept[0]).toBe("new");
    expect(kept.at(-1)).toBe("pod-11");
    expect(rows.filter((row) => row.tokenId === second.id)).toHaveLength(1);
  });

  it("bounds instances that were all seen at once", async () => {
    const { dev, first } = await twoTokens();
    const many = Array.from({ length: 9 }, (_, i) => anInstance(first, { instanceId: `pod-${i}` }));
    await db.write((tx) => tx.putInstances(many, 4));
    expect((await db.read.instances(dev.id, ALL)).total).toBe(4);
  });

  it("drops reports of a token that is gone, and keeps the others", async () => {
    const { dev, first } = await twoTokens();
    const ghost = anInstance({ ...first, id: 999 });
    const lost = anInstance({ ...first, environmentId: "gone" });
    await db.write((tx) => tx.putInstances([ghost, lost, anInstance(first)], 10));
    expect(await db.read.instances(dev.id, ALL)).toStrictEqual({ rows: [anInstance(first)], total: 1 });
    await db.write((tx) => tx.putInstances([], 10));
  });
});
