import { describe, expect, it } from "vitest";
import { LIVE_SECONDS } from "../../../src/core/runtime-instance.js";
import { removeDeleted } from "../../../src/service/changes/deletions.js";
import { PLAIN_DELETION } from "../../../src/service/tenancy/deletion-guard.js";
import { useServices } from "../fixture.js";

const FORCED = { force: true, reason: null };

describe("a protected environment", () => {
  const signet = useServices();
  const environments = () => signet.services.environments;
  const remove = (name: string, options = PLAIN_DELETION) =>
    environments().delete(signet.admin, signet.path(name), options);
  const protect = (name: string, isProtected: boolean) =>
    environments().update(signet.admin, signet.path(name), { protected: isProtected });

  it("is prod of a new project, and no other", async () => {
    const { rows } = await environments().list(signet.admin, signet.projectId, undefined, 0);
    expect(rows.map((row) => [row.name, row.protected])).toEqual([
      ["dev", false],
      ["staging", false],
      ["prod", true],
    ]);
  });

  it.each([PLAIN_DELETION, FORCED])("cannot be deleted, with %o", async (options) => {
    const before = await signet.fingerprint();
    await expect(remove("prod", options)).rejects.toMatchObject({
      ...{ code: "conflict", reason: "protected" },
      message: expect.stringContaining("signet envs update prod --no-protected") as string,
    });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("can be deleted once its protection is lifted, which the audit tells", async () => {
    await protect("prod", false);
    await remove("prod", { force: false, reason: "moved to eu" });
    const { rows } = await signet.store.read.auditEvents({ orgId: signet.orgId, limit: 2 });
    expect(rows.map(({ action, metadata }) => [action, metadata["protected"], metadata["reason"]])).toEqual([
      ["environment.deleted", undefined, "moved to eu"],
      ["environment.updated", false, undefined],
    ]);
  });

  it("bars the deletion of its project only while it keeps a bundle", async () => {
    await signet.publish("prod");
    const remove = () => signet.services.projects.delete(signet.admin, signet.projectId, FORCED);
    const before = await signet.fingerprint();
    await expect(remove()).rejects.toMatchObject({ code: "conflict", reason: "protected" });
    expect(await signet.fingerprint()).toEqual(before);
    await protect("prod", false);
    await remove();
    const { project } = await signet.services.projects.create(signet.admin, "unused");
    await signet.services.projects.delete(signet.admin, project.id);
  });
});

describe("live runtimes", () => {
  const signet = useServices();
  const remove = (force: boolean) =>
    signet.services.environments.delete(signet.admin, signet.path("dev"), { force, reason: null });
  const removeProject = (force: boolean) =>
    signet.services.projects.delete(signet.admin, signet.projectId, { force, reason: null });
  const report = async (instanceId: string) => {
    const { principal } = await signet.runtime("dev", { name: instanceId });
    const seen = { instanceId, labels: {}, userAgent: null, clientAddress: "192.0.2.1" };
    signet.services.instances.connected(principal, seen);
    await signet.services.instances.flush();
  };

  it("bar the deletion of their environment and project, with their number, unless forced", async () => {
    await report("a");
    await report("b");
    const before = await signet.fingerprint();
    const refusal = { code: "conflict", reason: "runtimes_live" };
    await expect(remove(false)).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining("2 runtimes are live") as string,
    });
    await expect(removeProject(false)).rejects.toMatchObject(refusal);
    expect(await signet.fingerprint()).toEqual(before);
    await remove(true);
    const { rows } = await signet.store.read.auditEvents({ orgId: signet.orgId, limit: 1 });
    expect(rows[0]).toMatchObject({ action: "environment.deleted", metadata: { live_runtimes: 2 } });
  });

  it("count by their open streams where they have no name", async () => {
    const { principal, token } = await signet.runtime("dev");
    const session = signet.services.sessions.open("stream", principal, token.environmentId ?? "", "192.0.2.1");
    await expect(remove(false)).rejects.toMatchObject({ reason: "runtimes_live" });
    session[Symbol.dispose]();
    await remove(false);
  });

  it("are live no longer some minutes after they were last seen", async () => {
    await report("a");
    signet.clock.advanceSeconds(LIVE_SECONDS + 1);
    await remove(false);
  });

  it("of other environments bar nothing", async () => {
    await report("a");
    await signet.services.environments.delete(signet.admin, signet.path("staging"));
  });
});

describe("an environment that is made again", () => {
  const signet = useServices();
  const environments = () => signet.services.environments;
  const remove = (name: string) => environments().delete(signet.admin, signet.path(name), FORCED);
  const create = (name: string, restoreLinks = false) =>
    environments().create(signet.admin, signet.projectId, { name, restoreLinks });
  const links = async () => {
    const { rows } = await environments().list(signet.admin, signet.projectId, undefined, 0);
    return Object.fromEntries(rows.map(({ name, promotesTo }) => [name, promotesTo]));
  };

  it("continues above the numbers of every former one, also after their rows are gone and after a restart", async () => {
    for (let life = 0; life < 3; life += 1) {
      const first = await signet.publish("dev", { life });
      const second = await signet.publish("dev", { life, n: 2 });
      expect([first.bundle.version, second.bundle.version]).toEqual([2 * life + 1, 2 * life + 2]);
      expect([first.sequence, second.sequence]).toEqual([2 * life + 1, 2 * life + 2]);
      const { total } = await signet.services.bundles.deployments(signet.admin, signet.path("dev"), 1, 0);
      expect(total).toBe(2);
      await remove("dev");
      await removeDeleted(signet.store);
      await signet.reopen();
      expect(await create("dev")).toMatchObject({
        sequence: 2 * life + 2,
        lastVersion: 2 * life + 2,
        activeVersion: null,
      });
    }
  });

  it("keeps them where it is deleted unused, and the order of publication times", async () => {
    const { bundle } = await signet.publish("dev");
    await remove("dev");
    await create("dev");
    await remove("dev");
    expect(await create("dev")).toMatchObject({ sequence: 1, lastVersion: 1, lastPublishedAt: bundle.publishedAt });
  });

  it("takes If-Match 0 as nothing active", async () => {
    await signet.publish("dev");
    await remove("dev");
    await create("dev");
    const { sequence } = await signet.publish("dev", { n: 2 }, signet.change({ ifSequence: 0 }));
    expect(sequence).toBe(2);
    await expect(signet.publish("dev", { n: 3 }, signet.change({ ifSequence: 0 }))).rejects.toMatchObject({
      code: "precondition_failed",
    });
  });

  it("does not inherit from another project", async () => {
    await signet.publish("dev");
    await remove("dev");
    const { project } = await signet.services.projects.create(signet.admin, "other", { environments: ["qa"] });
    expect(await environments().create(signet.admin, project.id, { name: "dev" })).toMatchObject({ sequence: 0 });
  });

  it("is linked again on request, both ways", async () => {
    await remove("staging");
    expect(await links()).toEqual({ dev: null, prod: null });
    await create("staging");
    expect(await links()).toEqual({ dev: null, staging: "prod", prod: null });
    await remove("staging");
    await create("staging", true);
    expect(await links()).toEqual({ dev: "staging", staging: "prod", prod: null });
    expect((await signet.actions()).slice(-2)).toEqual(["environment.created", "environment.updated"]);
  });

  it("is linked as the former one was, whatever its name; links that were made since stay", async () => {
    const { project } = await signet.services.projects.create(signet.admin, "chain", { environments: ["a", "b", "c"] });
    const path = (envName: string) => ({ projectId: project.id, envName });
    const shown = async () => {
      const { rows } = await environments().list(signet.admin, project.id, undefined, 0);
      return rows.map(({ name, promotesTo }) => `${name}>${promotesTo ?? ""}`).join(" ");
    };
    await environments().delete(signet.admin, path("b"));
    await environments().create(signet.admin, project.id, { name: "b", restoreLinks: true, position: 1 });
    expect(await shown()).toBe("a>b b>c c>");
    await environments().delete(signet.admin, path("b"));
    await environments().update(signet.admin, path("a"), { promotesTo: "c" });
    await environments().create(signet.admin, project.id, { name: "b", restoreLinks: true, position: 1 });
    expect(await shown()).toBe("a>c b>c c>");
  });
});
