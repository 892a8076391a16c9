import { describe, expect, it } from "vitest";
import { pullEvents } from "../../../src/service/runtimes/pull.js";
import type { StatusReport } from "../../../src/service/runtimes/instances.js";
import { useServices } from "../fixture.js";

const clientAddress = "192.0.2.1";
const nothing = { deploymentId: "", reason: null, agent: null, labels: {}, keyIds: null, clientAddress };

describe("runtime instances", () => {
  const signet = useServices();
  const instances = () => signet.services.instances;
  const list = async () =>
    (await instances().list(signet.admin, signet.path("dev"), 100, 0)).rows.map(({ instance, behindBy }) => ({
      ...instance,
      behindBy,
    }));

  async function published(count: number) {
    for (let n = 0; n < count; n += 1) await signet.publish("dev", { n });
    return (await signet.runtime("dev")).principal;
  }

  it("are shown from their first connection, with how far they are behind from their first report", async () => {
    const principal = await published(3);
    instances().connected(principal, { instanceId: "a", labels: { zone: "1" }, userAgent: "v1", clientAddress });
    const first = { instanceId: "a", state: "connected", behindBy: null, userAgent: "v1", source: clientAddress };
    expect(await list()).toMatchObject([{ ...first, agent: null }]);
    expect(
      await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 2 }),
    ).toBe(3);
    const expected = { state: "applied" as const, appliedSequence: 2, appliedVersion: 2, behindBy: 1 };
    expect(await list()).toMatchObject([{ ...expected, userAgent: "v1", labels: { zone: "1" } }]);
  });

  it("keep the keys that they said they trust, until they say others", async () => {
    const principal = await published(1);
    const applied = { ...nothing, instanceId: "a", state: "applied" as const, sequence: 1 };
    const steps = [
      [["11aa22bb33cc44dd"], ["11aa22bb33cc44dd"]],
      [null, ["11aa22bb33cc44dd"]],
      [
        ["11aa22bb33cc44dd", "22bb33cc44dd55ee"],
        ["11aa22bb33cc44dd", "22bb33cc44dd55ee"],
      ],
    ] as const;
    for (const [keyIds, expected] of steps) {
      await instances().report(principal, { ...applied, keyIds });
      expect(await list()).toMatchObject([{ keyIds: expected }]);
    }
  });

  it.each([
    ["gathered between two writes", false],
    ["written in between", true],
    ["after a restart", null],
  ])("keep what a later report does not tell: %s", async (_, write) => {
    const principal = await published(2);
    const rejected = { instanceId: "a", state: "rejected" as const, sequence: 2, reason: "bad signature" };
    const applied = { instanceId: "a", state: "applied" as const, sequence: 1 };
    const steps: readonly (() => Promise<number> | void)[] = [
      () => instances().report(principal, { ...nothing, ...applied, agent: "mine 1.0" }),
      () =>
        instances().connected(principal, { instanceId: "a", labels: { zone: "1" }, userAgent: "v2", clientAddress }),
      () => instances().report(principal, { ...nothing, ...rejected }),
      () => instances().connected(principal, { instanceId: "a", labels: {}, userAgent: null, clientAddress }),
    ];
    for (const step of steps) {
      await step();
      if (write !== false) await instances().flush();
      if (write === null) await signet.reopen();
    }
    const kept = { appliedSequence: 1, appliedVersion: 1, agent: "mine 1.0", userAgent: "v2", labels: { zone: "1" } };
    expect(await list()).toMatchObject([{ ...kept, state: "rejected" as const, reason: "bad signature" }]);
    await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 2 });
    expect(await list()).toMatchObject([{ state: "applied" as const, appliedSequence: 2, reason: null, behindBy: 0 }]);
  });

  it("are of one token: another token's instance of the same name is another one", async () => {
    const principal = await published(1);
    const { principal: other } = await signet.runtime("dev", { name: "edge" });
    const report = { ...nothing, instanceId: "a", state: "applied" as const, sequence: 1 };
    await instances().report(principal, report);
    await instances().report(other, report);
    expect((await list()).map(({ keyPrefix }) => keyPrefix).sort()).toEqual(
      [principal.keyPrefix, other.keyPrefix].sort(),
    );
  });

  const heartbeat = { reporter: "a", bundleEtag: null, policyHash: null, agent: null, clientAddress };
  const other = `sha256:${"0".repeat(64)}`;
  it.each([
    ["a plain tag", (hash: string) => ({ bundleEtag: `${hash}.2` }), 2],
    ["a quoted tag", (hash: string) => ({ bundleEtag: `"${hash}.2"` }), 2],
    ["a weak tag", (hash: string) => ({ bundleEtag: `W/"${hash}.2"` }), 2],
    ["a tag that a proxy changed", (hash: string) => ({ bundleEtag: `"${hash}.2-gzip"` }), 2],
    ["the hash alone, whose newest activation counts", (hash: string) => ({ bundleEtag: hash }), 4],
    ["the hash in its own field", (hash: string) => ({ policyHash: hash }), 4],
    ["an activation that is not the newest of its content", (hash: string) => ({ bundleEtag: `${hash}.2` }), 2],
    ["nothing", () => ({}), null],
    ["an empty text", () => ({ bundleEtag: "" }), null],
    ["a content that never was", () => ({ bundleEtag: other }), null],
    ["a content that never was under a sequence that never was", () => ({ bundleEtag: `${other}.9` }), null],
    ["a content that never was under a sequence of ours", () => ({ bundleEtag: `${other}.2` }), null],
    ["a sequence beyond all numbers", () => ({ bundleEtag: `${other}.99999999999` }), null],
  ])("apply by the ETag of a heartbeat: %s", async (_, tags, applied) => {
    const principal = await published(3);
    const { bundle } = await signet.activate("dev", 2);
    await instances().heartbeat(principal, { ...heartbeat, ...tags(bundle.policyHash) });
    const state = applied === null ? "connected" : "applied";
    const appliedVersion = applied === null ? null : 2;
    expect(await list()).toMatchObject([{ state, appliedSequence: applied, appliedVersion }]);
  });

  it("that all call themselves the same are told apart by their address", async () => {
    const principal = await published(0);
    for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.1"]) {
      for (const reporter of [null, "", "sidecar"]) {
        await instances().heartbeat(principal, { ...heartbeat, reporter, clientAddress: address });
      }
    }
    expect((await list()).map(({ instanceId }) => instanceId).sort()).toEqual(
      ["192.0.2.1", "192.0.2.2"].flatMap((address) => [`runtime@${address}`, `sidecar@${address}`]).sort(),
    );
  });

  it.each<[string, Partial<StatusReport>, string]>([
    ["a sequence above the newest", { sequence: 3 }, "sequence"],
    ["to have applied nothing", { sequence: 0 }, "sequence"],
    ["an activation of another history", { deploymentId: "0b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11" }, "deployment_id"],
  ])("cannot report %s", async (_, wrong, field) => {
    const principal = await published(2);
    const report = { ...nothing, instanceId: "a", state: "applied" as const, sequence: 1, ...wrong };
    const fields = [{ loc: ["body", field] }];
    await expect(instances().report(principal, report)).rejects.toMatchObject({ code: "invalid", fields });
    expect(await list()).toEqual([]);
  });

  it("are seen to reject whatever words they have for it", async () => {
    const principal = await published(1);
    const reason = `\u001b[31mbad\r\nsequence=9 \u202e\u200b${"r".repeat(5000)}`;
    const agent = `a\u0000${"b".repeat(300)}`;
    await instances().report(principal, {
      ...nothing,
      instanceId: "a",
      state: "rejected" as const,
      sequence: 1,
      reason,
      agent,
    });
    const [seen] = await list();
    expect(seen).toMatchObject({ state: "rejected" as const });
    expect(seen?.reason).toMatch(/^\[31mbad sequence=9 r+$/);
    expect(seen?.reason).toHaveLength(1000);
    expect(seen?.agent).toMatch(/^a b+$/);
    expect(seen?.agent).toHaveLength(255);
  });

  it.each([
    ["applied an older one", { state: "applied" as const, sequence: 1 }, { appliedSequence: 2, appliedVersion: 2 }],
    ["rejected an older one", { state: "rejected" as const, sequence: 1, reason: "late" }, { appliedSequence: 2 }],
    ["rejected 0, which is none", { state: "rejected" as const, sequence: 0, reason: "late" }, { appliedSequence: 2 }],
  ])("do not go back by a report that comes late: it %s", async (_, late, expected) => {
    for (const write of [false, true]) {
      const principal = await published(3);
      await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 2 });
      await instances().report(principal, {
        ...nothing,
        instanceId: "a",
        state: "rejected" as const,
        sequence: 3,
        reason: "bad",
      });
      if (write) await instances().flush();
      await instances().report(principal, { ...nothing, instanceId: "a", ...late });
      expect((await list())[0]).toMatchObject({ ...expected, state: "rejected" as const, reason: "bad" });
      await signet.close();
      await signet.open();
    }
  });

  it("tell what they applied before they rejected something, also late", async () => {
    const principal = await published(3);
    await instances().report(principal, {
      ...nothing,
      instanceId: "a",
      state: "rejected" as const,
      sequence: 3,
      reason: "bad",
    });
    await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 2 });
    expect(await list()).toMatchObject([
      { state: "rejected" as const, reason: "bad", appliedSequence: 2, behindBy: 1 },
    ]);
    await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 3 });
    expect(await list()).toMatchObject([{ state: "applied" as const, reason: null, appliedSequence: 3, behindBy: 0 }]);
  });

  it("can report to a server that lost its history", async () => {
    const principal = await published(3);
    await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 3 });
    await instances().flush();
    await signet.tamper("update environments set sequence = 2 where name = 'dev'");
    await signet.tamper("update instances set applied_sequence = 3, reported_sequence = 3");
    await instances().report(principal, {
      ...nothing,
      instanceId: "a",
      state: "rejected" as const,
      sequence: 2,
      reason: "bad",
    });
    expect(await list()).toMatchObject([{ state: "rejected" as const, reason: "bad" }]);
  });

  it("are found by the address that they were last seen at", async () => {
    const principal = await published(1);
    const report = { ...nothing, instanceId: "a", state: "applied" as const, sequence: 1 };
    await instances().report(principal, report);
    await instances().report(principal, { ...report, instanceId: "b", clientAddress: "192.0.2.7" });
    instances().connected(principal, { instanceId: "c", labels: {}, userAgent: null, clientAddress: "192.0.2.7" });
    const at = async (source: string) => {
      const { rows, total } = await instances().list(signet.admin, signet.path("dev"), 100, 0, source);
      return [total, ...rows.map(({ instance }) => instance.instanceId).sort()];
    };
    expect(await at("192.0.2.7")).toEqual([2, "b", "c"]);
    instances().connected(principal, { instanceId: "b", labels: {}, userAgent: null, clientAddress });
    expect(await at("192.0.2.7")).toEqual([1, "c"]);
    expect(await at("192.0.2.9")).toEqual([0]);
  });

  it("of one token are bounded: those that were seen last stay", async () => {
    const principal = await published(0);
    for (let n = 0; n < 10_100; n += 1) {
      signet.clock.advanceSeconds(1);
      instances().connected(principal, { instanceId: `i${n}`, labels: {}, userAgent: null, clientAddress });
    }
    await instances().flush();
    expect(await signet.count("instances")).toBe(10_000);
    expect((await list())[0]?.instanceId).toBe("i10099");
    const { environmentId, tokenId } = principal;
    expect(await signet.store.read.instancesNamed(environmentId ?? "", tokenId, ["i99"])).toEqual([]);
  });

  it("hold a bounded agent, whoever tells it", async () => {
    const principal = await published(0);
    const request = {
      afterSequence: 0,
      afterDeploymentId: "",
      rootVersion: 0,
      instanceId: "a",
      labels: {},
      clientAddress,
      addressKey: clientAddress,
    };
    const userAgent = "a".repeat(10_000);
    const events = pullEvents(signet.services.push, principal, { ...request, userAgent }, new AbortController().signal);
    // Refused or shortened: both are fine.
    await events.next().catch(() => null);
    await events.return(undefined);
    for (const instance of await list()) expect((instance.userAgent ?? "").length).toBeLessThanOrEqual(255);
  });

  it("that are being written belong to the next answer", async () => {
    const principal = await published(1);
    await instances().report(principal, { ...nothing, instanceId: "a", state: "applied" as const, sequence: 1 });
    const writing = instances().flush();
    expect(await list()).toMatchObject([{ instanceId: "a" }]);
    await writing;
  });

  it("of an environment that was deleted meanwhile are forgotten", async () => {
    const principal = await published(0);
    instances().connected(principal, { instanceId: "a", labels: {}, userAgent: null, clientAddress });
    await signet.services.environments.delete(signet.admin, signet.path("dev"));
    await instances().flush();
    expect(await signet.count("instances")).toBe(0);
  });
});
