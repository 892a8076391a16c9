import { describe, expect, it } from "vitest";
import { DEFAULT_RETENTION, type RetentionRules } from "../../../src/service/bundles/retention.js";
import { DAY, useServices } from "../fixture.js";
import { keepOldVersions } from "./old-versions.js";

const RULES: RetentionRules = { ...DEFAULT_RETENTION, keepNewest: 1, keepDays: 10, keepProductionDays: 100 };

describe("prune", () => {
  const signet = useServices();

  const versions = async (envName: string) => {
    const { rows } = await signet.services.bundles.list(signet.admin, signet.path(envName), undefined, undefined);
    return rows.map(({ bundle }) => bundle.version).sort((a, b) => a - b);
  };
  const prune = (rules = RULES, envName: string | null = null, caller = signet.admin) =>
    signet.services.pruning.prune(caller, signet.projectId, envName, rules);
  const plan = (rules = RULES, envName: string | null = null) =>
    signet.services.pruning.plan(signet.admin, signet.projectId, envName, rules);
  const publishMany = async (envName: string, count: number) => {
    for (let n = 0; n < count; n += 1)
      await signet.publish(envName, { envName, n, at: signet.clock.now().toISOString() });
  };

  it("deletes what no rule keeps, with its content; a plan says the same and deletes nothing", async () => {
    await publishMany("dev", 4);
    signet.clock.advanceSeconds(11 * DAY);
    await publishMany("dev", 1);
    const before = await signet.fingerprint();
    const planned = await plan();
    expect(await signet.fingerprint()).toEqual(before);
    expect(planned.environments[0]).toEqual({
      ...{ environment: "dev", production: false, deleted: 3, kept: 2 },
      versions: [{ first: 1, last: 3 }],
    });
    expect(await prune()).toEqual(planned);
    // 4 was in force until 5 came, which is less than ten days ago.
    expect(await versions("dev")).toEqual([4, 5]);
    expect(await signet.count("contents")).toBe(2);
  });

  it("keeps what is active, however old, and what was made active again", async () => {
    await publishMany("dev", 5);
    await signet.activate("dev", 2);
    signet.clock.advanceSeconds(11 * DAY);
    await signet.activate("dev", 1);
    await prune({ ...RULES, keepDays: 1, keepProductionDays: 1 });
    expect(await versions("dev")).toEqual([1, 2, 5]);
    signet.clock.advanceSeconds(11 * DAY);
    await prune();
    expect(await versions("dev")).toEqual([1, 5]);
  });

  it("keeps what was only kept and never active for as long", async () => {
    await publishMany("dev", 1);
    signet.clock.advanceSeconds(11 * DAY);
    await publishMany("dev", 2);
    await signet.activate("dev", 3);
    expect((await prune()).environments[0]).toMatchObject({ deleted: 0, kept: 3 });
  });

  it.each([
    [
      "the last stage",
      [],
      [
        ["dev", 3],
        ["prod", 0],
      ],
    ],
    [
      "the one that is named",
      ["dev"],
      [
        ["dev", 0],
        ["prod", 3],
      ],
    ],
  ] as const)("production is %s", async (_name, production, expected) => {
    for (const envName of ["dev", "prod"]) await publishMany(envName, 4);
    signet.clock.advanceSeconds(50 * DAY);
    for (const envName of ["dev", "prod"]) await publishMany(envName, 1);
    // Versions 1 to 3 were active 50 days ago for a moment, 4 until now.
    const { environments } = await prune({ ...RULES, production });
    const deleted = environments.filter(({ environment }) => environment !== "staging");
    expect(deleted.map(({ environment, deleted }) => [environment, deleted])).toEqual(expected);
  });

  it("keeps the newest, and leaves other environments alone when one is named", async () => {
    for (const envName of ["dev", "staging"]) await publishMany(envName, 6);
    signet.clock.advanceSeconds(200 * DAY);
    await prune({ ...RULES, keepNewest: 3 }, "dev");
    expect(await versions("dev")).toEqual([4, 5, 6]);
    expect(await versions("staging")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("records one event for each step, tells webhooks once, and the chain holds", async () => {
    await publishMany("dev", 3);
    signet.clock.advanceSeconds(11 * DAY);
    await publishMany("dev", 2);
    await prune();
    const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 10, action: "bundle.pruned" });
    expect(rows.map(({ metadata }) => metadata)).toMatchObject([
      { project_id: signet.projectId, environment: "dev", count: 2, versions: ["1-2"] },
    ]);
    const events = await signet.store.read.eventsToFanOut(1000);
    const told = events.filter(({ type }) => type.startsWith("bundle.pruned") || type === "bundle.deleted");
    expect(told.map(({ body }) => (JSON.parse(body) as { data: object }).data)).toMatchObject([
      { environment: "dev", count: 2, versions: ["1-2"] },
    ]);
    expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
  });

  it("does nothing the second time, and gives no number again", async () => {
    await publishMany("dev", 3);
    signet.clock.advanceSeconds(11 * DAY);
    await publishMany("dev", 1);
    await prune();
    const before = await signet.fingerprint();
    expect((await prune()).environments.map(({ deleted }) => deleted)).toEqual([0, 0, 0]);
    expect(await signet.fingerprint()).toEqual(before);
    expect((await signet.publish("dev")).bundle.version).toBe(5);
  });

  describe("of more than one call deletes", () => {
    // Versions 1, which is active, to 5,202 are two days old, 5,203 is new.
    const OLD = 5_201;
    const rules: RetentionRules = { ...RULES, keepDays: 1 };
    const seed = async () => {
      await publishMany("dev", 1);
      const { id } = await signet.environment("dev");
      await keepOldVersions(signet.store, id, OLD, 0);
      signet.clock.advanceSeconds(2 * DAY);
      await publishMany("dev", 1);
      await signet.activate("dev", 1);
      return id;
    };

    it("tells that there is more, and the next call goes on", async () => {
      const id = await seed();
      expect((await plan(rules)).environments[0]).toMatchObject({ deleted: OLD, kept: 2 });
      const first = await prune(rules);
      expect(first).toMatchObject({
        more: true,
        environments: [{ deleted: 5_000, kept: OLD + 2 - 5_000, versions: [{ first: 2, last: 5_001 }] }, {}, {}],
      });
      expect(await signet.store.read.countBundles(id)).toBe(OLD + 2 - 5_000);
      const second = await prune(rules);
      expect(second).toMatchObject({
        more: false,
        environments: [{ deleted: OLD - 5_000, kept: 2, versions: [{ first: 5_002, last: OLD + 1 }] }, {}, {}],
      });
      expect((await prune(rules)).environments[0]).toMatchObject({ deleted: 0, kept: 2 });
      expect([await signet.count("bundles"), await versions("dev")]).toEqual([2, [1, OLD + 2]]);
      expect(await signet.store.read.countBundles(id)).toBe(2);
    });

    /** Makes a seeded version active past the use case, which refuses what was not signed for it. */
    const point = async (name: string, version: number) => {
      const { id } = await signet.environment(name);
      await signet.store.write(async (tx) => {
        const [environment, state] = [await tx.environmentById(id), await tx.bundle(id, version)];
        if (environment === null || state === null) throw new Error(`no version ${version}`);
        await tx.updateEnvironment({ ...environment, activeBundleId: state.bundle.id });
      });
    };

    it("deletes in steps of 100, with one event each, between which others write and are heeded", async () => {
      await seed();
      const pruned = prune(rules);
      // Made active while it goes on: that stays. It comes before the steps that would reach it.
      await point("dev", 4_000);
      const report = await pruned;
      expect(report.environments[0]).toMatchObject({
        deleted: 5_000,
        versions: [
          { first: 2, last: 3_999 },
          { first: 4_001, last: 5_002 },
        ],
      });
      expect((await signet.environment("dev")).activeVersion).toBe(4_000);
      const { rows } = await signet.services.audit.list({ orgId: signet.orgId, limit: 1000, action: "bundle.pruned" });
      const counts = rows.map(({ metadata }) => Number(metadata.count));
      expect(Math.max(...counts)).toBe(100);
      expect(counts.reduce((sum, count) => sum + count)).toBe(5_000);
      expect(await signet.services.audit.verify(signet.orgId)).toMatchObject({ valid: true });
    });

    it("counts what it deletes over all environments", async () => {
      await seed();
      await publishMany("staging", 1);
      await keepOldVersions(signet.store, (await signet.environment("staging")).id, 150, 0);
      signet.clock.advanceSeconds(2 * DAY);
      await publishMany("staging", 1);
      const staging = async () => (await prune(rules)).environments.find((one) => one.environment === "staging");
      expect(await staging()).toMatchObject({ deleted: 0, kept: 152 });
      expect(await staging()).toMatchObject({ deleted: 150, kept: 2 });
    });
  });

  it("makes room in the quota, and keeps a content that another bundle has", async () => {
    await signet.publish("dev", { shared: true });
    await signet.promote("dev");
    signet.clock.advanceSeconds(11 * DAY);
    await publishMany("dev", 2);
    signet.clock.advanceSeconds(11 * DAY);
    await signet.publish("dev", { last: true });
    await prune(RULES, "dev");
    const { id } = await signet.environment("dev");
    expect(await signet.store.read.countBundles(id)).toBe((await versions("dev")).length);
    const staging = await signet.services.bundles.get(signet.admin, signet.path("staging"), 1);
    expect(JSON.parse(staging.content.policies)).toEqual({ shared: true });
  });

  it("a promotion still finds what is active in its source", async () => {
    await publishMany("dev", 3);
    await signet.activate("dev", 1);
    signet.clock.advanceSeconds(400 * DAY);
    await prune();
    expect((await signet.promote("dev")).bundle).toMatchObject({ environment: "staging", version: 1 });
  });

  it.each([
    ["less in production", { keepDays: 50, keepProductionDays: 49 }, { fields: [{ type: "range" }] }],
    ["an unknown production", { production: ["nowhere"] }, { fields: [{ loc: ["body", "production", "0"] }] }],
  ])("refuses %s", async (_name, change, error) => {
    await publishMany("dev", 2);
    const before = await signet.fingerprint();
    await expect(prune({ ...RULES, ...change })).rejects.toMatchObject({ code: "invalid", ...error });
    await expect(plan({ ...RULES, ...change })).rejects.toMatchObject({ code: "invalid", ...error });
    expect(await signet.fingerprint()).toEqual(before);
  });

  it("another organization's project and an unknown environment are not there", async () => {
    const foreigner = await signet.foreigner();
    await expect(prune(RULES, null, foreigner)).rejects.toMatchObject({ code: "not_found" });
    await expect(prune(RULES, "nowhere")).rejects.toMatchObject({ code: "not_found" });
  });
});
