import { describe, expect, it } from "vitest";
import { anEnvironment, aProject, insertTenancy, minutesLater, publish } from "../sample.js";
import { useStore } from "../temporary-store.js";

describe("environments", () => {
  const db = useStore();

  it("keeps one, by name and by id", async () => {
    const { project, dev } = await insertTenancy(db);
    expect(await db.read.environment(project.id, "dev")).toStrictEqual(dev);
    expect(await db.read.environmentById(dev.id)).toStrictEqual(dev);
    expect(await db.read.environment("another", "dev")).toBeNull();
    expect(await db.read.environment(project.id, "none")).toBeNull();
    expect(await db.read.environmentById("none")).toBeNull();
  });

  it("refuses a name that is taken with conflict, in the same project only", async () => {
    const { organization, project } = await insertTenancy(db);
    const second = anEnvironment(project);
    await expect(db.write((tx) => tx.insertEnvironment(second))).rejects.toMatchObject({
      code: "conflict",
      message: 'an environment "dev" already exists',
    });
    expect(await db.read.environmentById(second.id)).toBeNull();

    const other = aProject(organization.id, { slug: "other" });
    await db.write(async (tx) => {
      await tx.insertProject(other);
      await tx.insertEnvironment(anEnvironment(other));
    });
    expect(await db.read.environment(other.id, "dev")).not.toBeNull();
  });

  it("lists one project's by position, then name", async () => {
    const { project, dev, prod } = await insertTenancy(db);
    const beta = anEnvironment(project, { name: "beta", position: 1 });
    await db.write((tx) => tx.insertEnvironment(beta));
    expect(await db.read.environments(project.id)).toStrictEqual([dev, beta, prod]);
    expect(await db.read.environments("another")).toStrictEqual([]);
  });

  it("changes position, next stage, counters and pointer, and nothing else", async () => {
    const { dev } = await insertTenancy(db);
    const bundle = await db.write((tx) => publish(tx, dev.id));
    const published = (await db.read.environmentById(dev.id))!;
    expect(published).toMatchObject({ activeBundleId: bundle.id, activeVersion: 1, lastVersion: 1, sequence: 1 });

    const changes = { position: 7, promotesTo: null, lastVersion: 4, sequence: 9 };
    const unheard = { name: "renamed", createdAt: minutesLater(5), activeVersion: 99 };
    await db.write((tx) => tx.updateEnvironment({ ...published, ...changes, ...unheard }));
    expect(await db.read.environmentById(dev.id)).toStrictEqual({ ...published, ...changes });

    await db.write((tx) =>
      tx.updateEnvironment({ ...published, ...changes, activeBundleId: null, activeDeploymentId: null }),
    );
    const pointsNowhere = { activeBundleId: null, activeVersion: null, activeDeploymentId: null };
    expect(await db.read.environmentById(dev.id)).toStrictEqual({ ...published, ...changes, ...pointsNowhere });
  });

  it.each(["lastVersion", "sequence"] as const)("refuses to lower %s", async (counter) => {
    const { dev } = await insertTenancy(db);
    const grown = { ...dev, lastVersion: 5, sequence: 5 };
    await db.write((tx) => tx.updateEnvironment(grown));
    await expect(db.write((tx) => tx.updateEnvironment({ ...grown, [counter]: 4 }))).rejects.toMatchObject({
      code: "internal",
    });
    expect(await db.read.environmentById(dev.id)).toStrictEqual(grown);
  });
});
