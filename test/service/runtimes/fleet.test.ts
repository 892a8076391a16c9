import { describe, expect, it } from "vitest";
import { ROLLOUT_STATES } from "../../../src/core/runtime-instance.js";
import type { FleetQuery } from "../../../src/service/runtimes/fleet.js";
import { useServices } from "../fixture.js";

const clientAddress = "192.0.2.1";
const nothing = { deploymentId: "", reason: null, agent: null, labels: {}, keyIds: null, clientAddress };
const signal = new AbortController().signal;

describe("a fleet", () => {
  const signet = useServices();
  const { instances, fleet, rollouts } = {
    instances: () => signet.services.instances,
    fleet: () => signet.services.fleet,
    rollouts: () => signet.services.rollouts,
  };
  const found = async (query: Partial<FleetQuery> = {}, caller = signet.admin) => {
    const { rows, total } = await fleet().list(caller, { offset: 0, limit: 100, ...query }, signal);
    expect(total).toBe(rows.length);
    return rows.map(({ instance, environment }) => `${environment}/${instance.instanceId}`).sort();
  };

  /** In dev: one in each state, and one that is gone; in prod one that applied. */
  async function startFleet() {
    for (let n = 1; n <= 2; n += 1) await signet.publish("dev", { n });
    await signet.publish("prod", { n: 1 });
    const [{ principal: dev }, { principal: prod }] = [await signet.runtime("dev"), await signet.runtime("prod")];
    await instances().report(dev, { ...nothing, instanceId: "gone", state: "applied", sequence: 2 });
    signet.clock.advanceSeconds(600);
    instances().watch(dev, { instanceId: "mute", labels: {}, userAgent: null, clientAddress }).seen();
    await instances().report(dev, { ...nothing, instanceId: "new", state: "applied", sequence: 2 });
    await instances().report(dev, {
      ...nothing,
      instanceId: "old",
      state: "applied",
      sequence: 1,
      labels: { zone: "a" },
    });
    const rejected = { state: "rejected" as const, sequence: 2, reason: "unknown_key: no" };
    await instances().report(dev, { ...nothing, instanceId: "bad", ...rejected, labels: { zone: "a", "b,c": 'd"e' } });
    await instances().report(prod, { ...nothing, instanceId: "new", state: "applied", sequence: 1 });
    return { dev, prod };
  }

  it("is listed across environments, by everything that tells its instances apart", async () => {
    await startFleet();
    const all = ["dev/bad", "dev/gone", "dev/mute", "dev/new", "dev/old", "prod/new"];
    expect(await found()).toEqual(all);
    expect(await found({ projectId: signet.path("dev").projectId })).toEqual(all);
    expect(await found({ environment: "prod" })).toEqual(["prod/new"]);
    expect(await found({ environment: "none" })).toEqual([]);
    expect(await found({ state: "applied" })).toEqual(["dev/gone", "dev/new", "prod/new"]);
    expect(await found({ state: "behind" })).toEqual(["dev/old"]);
    expect(await found({ state: "rejected" })).toEqual(["dev/bad"]);
    expect(await found({ state: "unknown" })).toEqual(["dev/mute"]);
    expect(await found({ live: false })).toEqual(["dev/gone"]);
    expect(await found({ connected: true })).toEqual(["dev/mute"]);
    expect(await found({ connected: false, live: true })).toEqual(all.filter((it) => !/gone|mute/.test(it)));
    expect(await found({ version: 2 })).toEqual(["dev/gone", "dev/new"]);
    expect(await found({ source: "192.0.2.9" })).toEqual([]);
    expect(await found({ label: "zone=a", state: "rejected", environment: "dev" })).toEqual(["dev/bad"]);
  });

  it("is searched by agent, instance and text, in either case and without wildcards", async () => {
    const { dev } = await startFleet();
    const said = { ...nothing, instanceId: "Edge-1", state: "rejected" as const, sequence: 2 };
    await instances().report(dev, {
      ...said,
      agent: "checkout/2.1",
      reason: "100% broken_key",
      labels: { host: 'a"b' },
    });
    expect(await found({ agent: "checkout/" })).toEqual(["dev/Edge-1"]);
    expect(await found({ agent: "heckout" })).toEqual([]);
    expect(await found({ instanceId: "Edge-1" })).toEqual(["dev/Edge-1"]);
    for (const text of ["edge-1", "CHECKOUT", "broken_KEY", "100%", 'a"b', "host"]) {
      expect(await found({ text }), text).toContain("dev/Edge-1");
    }
    for (const text of ["edge_1", "10%", "%", "nothing of it"])
      expect(await found({ text }), text).not.toContain("dev/old");
    expect(await found({ text: "zone", environment: "dev", state: "behind" })).toEqual(["dev/old"]);
  });

  it("is counted in groups, as its list is", async () => {
    const { prod } = await startFleet();
    const summary = async (groupBy?: string, query = {}, caller = signet.admin) =>
      await fleet().summary(caller, query, groupBy, signal);
    const { counts, groups } = await summary();
    expect(counts).toEqual({ instances: 6, live: 5, applied: 2, behind: 1, rejected: 1, unknown: 1 });
    expect(groups).toEqual([]);
    const told = async (...asked: Parameters<typeof summary>) =>
      (await summary(...asked)).groups.map(({ value, counts: { instances: all, live } }) => [value, all, live]);
    expect(await told("environment")).toEqual([
      ["dev", 5, 4],
      ["prod", 1, 1],
    ]);
    expect(await told("version", { environment: "dev" })).toEqual([
      [null, 2, 2],
      ["2", 2, 1],
      ["1", 1, 1],
    ]);
    expect(await told("label:zone")).toEqual([
      [null, 4, 3],
      ["a", 2, 2],
    ]);
    expect(await told("label:__proto__")).toEqual([[null, 6, 5]]);
    expect((await summary("agent", { state: "rejected", live: true })).counts.instances).toBe(1);
    // A runtime token counts what it sees.
    expect((await summary("environment", {}, prod)).counts.instances).toBe(1);
  });

  it("is searched by a label as a whole: no part of a key or a value matches", async () => {
    await startFleet();
    expect(await found({ label: "zone=a" })).toEqual(["dev/bad", "dev/old"]);
    expect(await found({ label: 'b,c=d"e' })).toEqual(["dev/bad"]);
    for (const label of ["zone=", "zon=a", "one=a", "zone=A", 'c=d"e', "b,c=d", "zone=a%", '"zone=a']) {
      expect(await found({ label }), label).toEqual([]);
    }
  });

  it("shows each row's state as the filter of that state finds it", async () => {
    await startFleet();
    for (const state of ROLLOUT_STATES) {
      const { rows } = await fleet().list(signet.admin, { state, offset: 0 }, signal);
      expect(rows.map(({ rollout }) => rollout)).toEqual(rows.map(() => state));
    }
  });

  it("comes in pages that miss none and repeat none, across environments", async () => {
    await startFleet();
    const seen: string[] = [];
    for (let offset = 0; ;) {
      const { rows, total, limit } = await fleet().list(signet.admin, { offset, limit: 2 }, signal);
      expect(total).toBe(6);
      seen.push(...rows.map(({ instance, environment }) => `${environment}/${instance.instanceId}`));
      offset += limit;
      if (offset >= total) break;
    }
    expect(seen.slice().sort()).toEqual(["dev/bad", "dev/gone", "dev/mute", "dev/new", "dev/old", "prod/new"]);
    expect(seen.at(-1)).toBe("prod/new");
  });

  it("is what a token sees of it", async () => {
    const { dev } = await startFleet();
    expect(await found({}, dev)).toEqual(["dev/bad", "dev/gone", "dev/mute", "dev/new", "dev/old"]);
    expect(await found({ environment: "prod" }, dev)).toEqual([]);
    const other = "0b0c0d0e-0000-4000-8000-000000000001";
    for (const caller of [dev, signet.admin]) {
      await expect(found({ projectId: other }, caller)).rejects.toMatchObject({ code: "not_found" });
    }
  });

  it("that many environments have is counted in steps, which end when the caller is gone", async () => {
    await startFleet();
    await expect(fleet().list(signet.admin, { offset: 0 }, AbortSignal.abort(new Error("gone")))).rejects.toThrow(
      "gone",
    );
  });

  it("has a rollout: live instances by where they stand, and why", async () => {
    const { dev } = await startFleet();
    const rollout = await rollouts().get(signet.admin, signet.path("dev"), {});
    expect(rollout).toMatchObject({
      active: { sequence: 2, version: 2 },
      counts: { applied: 1, behind: 1, rejected: 1, unknown: 1 },
      ...{ live: 4, isComplete: false, isSuperseded: false },
    });
    expect(rollout.laggards.map(({ instance, rollout: state }) => [instance.instanceId, state])).toEqual([
      ["bad", "rejected"],
      ["old", "behind"],
      ["mute", "unknown"],
    ]);
    expect(rollout.laggards[0]?.instance.reason).toBe("unknown_key: no");
    expect((await rollouts().get(signet.admin, signet.path("dev"), { limit: 1 })).laggards).toHaveLength(1);
    expect(await rollouts().get(dev, signet.path("dev"), { sequence: 1 })).toMatchObject({ isSuperseded: true });
    expect(await rollouts().get(signet.admin, signet.path("prod"), {})).toMatchObject({ isComplete: true, live: 1 });
  });

  it("that vanished holds no rollout up", async () => {
    await startFleet();
    signet.clock.advanceSeconds(600);
    expect(await rollouts().get(signet.admin, signet.path("dev"), {})).toMatchObject({ isComplete: true, live: 0 });
  });

  it("has applied nothing where nothing is active, and cannot wait for what never was", async () => {
    const { principal } = await signet.runtime("dev");
    instances().watch(principal, { instanceId: "a", labels: {}, userAgent: null, clientAddress }).seen();
    const counts = { applied: 0, behind: 0, rejected: 0, unknown: 1 };
    const rollout = await rollouts().get(signet.admin, signet.path("dev"), {});
    expect(rollout).toMatchObject({ active: null, isComplete: false, live: 1, counts });
    await expect(rollouts().get(signet.admin, signet.path("dev"), { sequence: 1 })).rejects.toMatchObject({
      code: "invalid",
      fields: [{ loc: ["query", "sequence"] }],
    });
  });
});
