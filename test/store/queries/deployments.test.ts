import { describe, expect, it } from "vitest";
import { aBundle, aDeployment, insertTenancy } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("deployments", () => {
  const db = useStore();

  it("keeps one, by id in its organization and by sequence", async () => {
    const { organization, dev, prod } = await insertTenancy(db);
    const first = aDeployment(aBundle(dev));
    const second = aDeployment(aBundle(dev), { sequence: 2, fromVersion: 4, kind: "rollback" });
    await db.write(async (tx) => {
      await tx.insertDeployment(first);
      await tx.insertDeployment(second);
    });
    expect(await db.read.deployment(organization.id, first.id)).toStrictEqual(first);
    expect(await db.read.deployment("another", first.id)).toBeNull();
    expect(await db.read.deployment(organization.id, "none")).toBeNull();
    expect(await db.read.deploymentBySequence(dev.id, 2)).toStrictEqual(second);
    expect(await db.read.deploymentBySequence(dev.id, 3)).toBeNull();
    expect(await db.read.deploymentBySequence(prod.id, 2)).toBeNull();
    const page = { limit: 1, offset: 0 };
    expect(await db.read.deployments(dev.id, page)).toStrictEqual({ rows: [second], total: 2 });
    expect(await db.read.deployments(dev.id, { limit: 5, offset: 1 })).toStrictEqual({ rows: [first], total: 2 });
    expect(await db.read.deployments(prod.id, page)).toStrictEqual({ rows: [], total: 0 });
  });

  it("gives a sequence once in an environment", async () => {
    const { organization, dev, prod } = await insertTenancy(db);
    await db.write((tx) => tx.insertDeployment(aDeployment(aBundle(dev))));
    const twin = aDeployment(aBundle(dev));
    await expect(db.write((tx) => tx.insertDeployment(twin))).rejects.toMatchObject({ code: "conflict" });
    expect(await db.read.deployment(organization.id, twin.id)).toBeNull();
    await db.write((tx) => tx.insertDeployment(aDeployment(aBundle(prod))));
  });
});
