import { describe, expect, it } from "vitest";
import {
  aContent,
  activate,
  anArtifact,
  anEvent,
  anInstance,
  aToken,
  insertTenancy,
  minutesLater,
  publish,
} from "./sample.js";
import { onPostgres, useStore } from "./temporary-store.js";

const ALL = { limit: 100, offset: 0 };
const AT = minutesLater(1);

describe("deletion", () => {
  const db = useStore();

  /** Everything that can hang on an environment: bundles, activations, a runtime token, an instance, a stored answer. */
  async function fill() {
    const tenancy = await insertTenancy(db);
    const { organization, project, dev, prod } = tenancy;
    const more = await db.write(async (tx) => {
      const bundle = await publish(tx, dev.id, "only in dev");
      await publish(tx, dev.id, "shared");
      await publish(tx, prod.id, "shared");
      const runtime = { keyType: "runtime" as const, projectId: project.id, environmentId: dev.id };
      const token = await tx.insertToken(aToken(organization.id, runtime));
      const ci = await tx.insertToken(aToken(organization.id, { keyType: "ci", projectId: project.id }));
      const admin = await tx.insertToken(aToken(organization.id));
      await tx.putInstances([anInstance(token)], 10);
      const answer = { operation: "o", key: "k", requestHash: "h", answer: "{}", createdAt: token.createdAt };
      for (const { id } of [token, ci, admin]) await tx.insertIdempotentAnswer({ ...answer, tokenId: id });
      await tx.insertAuditEvent(anEvent(organization.id, 1, { resourceId: bundle.id }));
      return { bundle, token, ci, admin };
    });
    return { ...tenancy, ...more };
  }

  /** Steps of so few rows that every kind of row is met at the end of one. */
  async function removeAll(): Promise<void> {
    while ((await db.write((tx) => tx.removeDeleted(2))) > 0);
    expect(await db.read.hasDeleted()).toBe(false);
  }

  /** Rows of all tables. */
  async function rows(): Promise<number> {
    const tables = onPostgres
      ? await db.raw(
          "select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'node_changes'",
        )
      : await db.raw("select name from sqlite_master where type = 'table'");
    let sum = 0;
    for (const { name } of tables) {
      const [counted] = await db.raw(`select count(*) as total from "${String(name)}"`);
      sum += Number(counted?.total);
    }
    return sum;
  }

  it("of an environment takes its bundles, activations, tokens, instances and answers with it, pointer and all", async () => {
    const { organization, dev, prod, bundle, token, ci } = await fill();
    await db.write((tx) => tx.deleteEnvironment(dev.id, AT));
    await removeAll();
    expect(await db.read.environmentById(dev.id)).toBeNull();
    expect(await db.read.bundleById(bundle.id)).toBeNull();
    expect((await db.read.deployments(dev.id, ALL)).total).toBe(0);
    expect(await db.read.token(organization.id, token.id)).toBeNull();
    expect((await db.read.instances(dev.id, ALL)).total).toBe(0);
    expect(await db.read.idempotentAnswer(token.id, "o", "k")).toBeNull();

    expect(await db.read.environmentById(prod.id)).toMatchObject({ activeVersion: 1 });
    expect(await db.read.countBundles(prod.id)).toBe(1);
    expect(await db.read.token(organization.id, ci.id)).not.toBeNull();
    expect(await db.read.auditHead(organization.id)).not.toBeNull();
  });

  it("of an environment takes the content that only it had", async () => {
    const { dev } = await fill();
    await db.write((tx) => tx.deleteEnvironment(dev.id, AT));
    await removeAll();
    expect(await db.read.content(aContent("only in dev").id)).toBeNull();
    expect(await db.read.content(aContent("shared").id)).not.toBeNull();
  });

  it("of an environment makes those that promote to it the last stage", async () => {
    const { dev, prod } = await fill();
    await db.write((tx) => tx.deleteEnvironment(prod.id, AT));
    await removeAll();
    expect(await db.read.environmentById(dev.id)).toMatchObject({ promotesTo: null });
  });

  it("of an environment that is not there does nothing", async () => {
    const { dev, prod } = await fill();
    await db.write((tx) => tx.deleteEnvironment("none", AT));
    await removeAll();
    expect(await db.read.environmentById(dev.id)).toMatchObject({ promotesTo: prod.name });
  });

  it("of a project takes all but the audit, the organization and its admin tokens", async () => {
    const { organization, project, dev, prod, token, ci, admin } = await fill();
    await db.write((tx) => tx.deleteProject(project.id, AT));
    await removeAll();
    expect(await db.read.project(organization.id, project.id)).toBeNull();
    expect(await db.read.environments(project.id)).toStrictEqual([]);
    for (const { id } of [dev, prod]) {
      expect(await db.read.countBundles(id)).toBe(0);
      expect((await db.read.deployments(id, ALL)).total).toBe(0);
    }
    for (const text of ["only in dev", "shared"]) expect(await db.read.content(aContent(text).id)).toBeNull();
    for (const { id } of [token, ci]) {
      expect(await db.read.token(organization.id, id)).toBeNull();
      expect(await db.read.idempotentAnswer(id, "o", "k")).toBeNull();
    }
    expect(await db.read.organization(organization.id)).toStrictEqual(organization);
    expect(await db.read.token(organization.id, admin.id)).toStrictEqual(admin);
    expect(await db.read.idempotentAnswer(admin.id, "o", "k")).not.toBeNull();
    expect((await db.read.auditEvents({ orgId: organization.id, limit: 10 })).total).toBe(1);
  });

  it("of a project leaves the content that another project has", async () => {
    const first = await fill();
    const second = await insertTenancy(db);
    await db.write(async (tx) => {
      await publish(tx, second.dev.id, "shared");
      await tx.deleteProject(first.project.id, AT);
    });
    await removeAll();
    expect(await db.read.content(aContent("shared").id)).toStrictEqual(aContent("shared"));
    expect(await db.read.content(aContent("only in dev").id)).toBeNull();
  });

  it("hides all of it at once, whatever rows are left, and leaves its name and slug to others", async () => {
    const { organization, project, dev, prod, token, ci, admin } = await fill();
    const draft = anArtifact(organization.id, project.id, { contentId: aContent("shared").id });
    await db.write((tx) => tx.insertArtifact(draft));
    const seen = async () => ({
      projects: (await db.read.projects(organization.id, ALL)).total,
      bySlug: (await db.read.projectBySlug(organization.id, project.slug))?.id,
      named: (await db.read.projectsNamed(organization.id, project.name, 10)).length,
      environments: (await db.read.environments(project.id)).map(({ name }) => name),
      byName: (await db.read.environment(project.id, dev.name))?.id,
      tokens: (await db.read.tokens({ orgId: organization.id, ...ALL })).rows.map(({ id }) => id),
      byHash: (await db.read.tokenByHash(token.hash))?.id,
      live: (await db.read.liveRuntimeTokens(dev.id, AT)).length,
      artifact: (await db.read.artifact(organization.id, draft.id))?.id,
      artifacts: (await db.read.artifacts({ orgId: organization.id, ...ALL })).total,
    });
    const before = await rows();
    await db.write((tx) => tx.deleteEnvironment(dev.id, AT));
    expect(await seen()).toMatchObject({ environments: [prod.name], byName: undefined, byHash: undefined, live: 0 });
    await db.write((tx) => tx.insertEnvironment({ ...dev, id: "again" }));
    expect((await seen()).byName).toBe("again");
    await db.write((tx) => tx.deleteProject(project.id, AT));
    // The environment that was made again, and what is left of the first one.
    expect(await rows()).toBe(before + 2);
    expect(await db.read.hasDeleted()).toBe(true);
    expect(await seen()).toStrictEqual({
      ...{ projects: 0, bySlug: undefined, named: 0, environments: [], byName: undefined, live: 0 },
      ...{ tokens: [admin.id], byHash: undefined, artifact: undefined, artifacts: 0 },
    });
    await db.write((tx) => tx.insertProject({ ...project, id: "again" }));
    expect((await seen()).bySlug).toBe("again");
    expect(await db.read.token(organization.id, ci.id)).toBeNull();
    await removeAll();
    expect((await seen()).bySlug).toBe("again");
  });

  it("removes few rows in a transaction, and goes on where it stopped after a restart", async () => {
    const { project, dev, token, organization } = await fill();
    await db.write(async (tx) => {
      for (let n = 0; n < 10; n += 1) {
        await publish(tx, dev.id, `version ${n}`);
        await tx.putInstances([anInstance(token, { instanceId: `pod-${n}` })], 100);
        const answer = { operation: `o${n % 3}`, requestHash: "h", answer: "{}", createdAt: token.createdAt };
        await tx.insertIdempotentAnswer({ ...answer, tokenId: token.id, key: `key ${n}` });
        await tx.insertArtifact(anArtifact(organization.id, project.id, { contentId: aContent("shared").id }));
      }
    });
    await db.write((tx) => tx.deleteProject(project.id, AT));
    let [left, steps] = [await rows(), 0];
    for (let removed = 1; removed > 0; steps += 1) {
      if (steps === 4) await db.reopen();
      removed = await db.write((tx) => tx.removeDeleted(5));
      // A bundle or artifact may take its content along.
      expect(left - (await rows())).toBeLessThanOrEqual(2 * 5);
      left = await rows();
      expect(await db.read.project(organization.id, project.id)).toBeNull();
    }
    expect(steps).toBeGreaterThan(10);
    expect(await db.read.content(aContent("shared").id)).toBeNull();
    expect(await db.read.hasDeleted()).toBe(false);
  });

  it("of a bundle leaves its activations", async () => {
    const { organization, dev, bundle } = await fill();
    await db.write((tx) => tx.deleteBundle(bundle));
    expect(await db.read.bundle(dev.id, bundle.version)).toBeNull();
    const deployment = await db.read.deploymentBySequence(dev.id, 1);
    expect(deployment).toMatchObject({ bundleId: bundle.id, version: 1 });
    expect(await db.read.deployment(organization.id, deployment!.id)).toStrictEqual(deployment);
  });

  it("of the active bundle is refused when the transaction commits, and leaves all as it was", async () => {
    const { dev } = await fill();
    const before = await db.read.bundle(dev.id, 2);
    expect(before?.isActive).toBe(true);
    let reachedTheEnd = false;
    const deletion = db.write(async (tx) => {
      await tx.deleteBundle(before!.bundle);
      reachedTheEnd = true;
    });
    await expect(deletion).rejects.toMatchObject({ code: "internal" });
    expect(reachedTheEnd).toBe(true);
    expect(await db.read.bundle(dev.id, 2)).toStrictEqual(before);
    // The connection is free again after the commit that failed.
    await db.write((tx) => activate(tx, before!.bundle));
    expect(await db.read.environmentById(dev.id)).toMatchObject({ sequence: 3 });
  });
});

describe("content", () => {
  const db = useStore();

  it("is kept once, and goes with the last bundle that has it", async () => {
    const { dev } = await insertTenancy(db);
    const content = aContent("same");
    const [first, second] = await db.write(async (tx) => {
      const bundles = [await publish(tx, dev.id, "same"), await publish(tx, dev.id, "same")];
      await publish(tx, dev.id, "active");
      await tx.putContent({ ...content, policies: "damaged" });
      // The same content again repairs it.
      await tx.putContent(content);
      return bundles;
    });
    await db.write((tx) => tx.deleteBundle(first!));
    expect(await db.read.content(content.id)).toStrictEqual(content);
    await db.write((tx) => tx.deleteBundle(second!));
    expect(await db.read.content(content.id)).toBeNull();
    expect(await db.read.content(aContent("active").id)).not.toBeNull();
  });
});
