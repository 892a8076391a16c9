import { describe, expect, it } from "vitest";
import { LIVE_SECONDS, RETURN_SECONDS, rolloutState } from "../../../src/core/runtime-instance.js";
import { useServices } from "../fixture.js";

const instance = { instanceId: "a", labels: {}, userAgent: null, clientAddress: "192.0.2.1" };

describe("an instance is live", () => {
  const signet = useServices();
  const instances = () => signet.services.instances;
  const seen = async () => {
    const { rows } = await instances().list(signet.admin, signet.path("dev"), 100, 0);
    return rows.map(({ isLive, isConnected }) => ({ isLive, isConnected }));
  };
  const counted = async () => {
    await instances().flush();
    const { projectId, envName } = signet.path("dev");
    const environment = await signet.store.read.environment(projectId, envName);
    return await signet.store.read.countLiveInstances(
      { environmentId: environment?.id ?? "" },
      signet.clock.now().toISOString(),
    );
  };
  const report = { state: "applied" as const, sequence: 1, deploymentId: "", reason: null, agent: null, keyIds: null };

  it("for some minutes after a sign of life, if it only polls", async () => {
    await signet.publish("dev", { n: 1 });
    const { principal } = await signet.runtime("dev");
    await instances().report(principal, { ...report, ...instance });
    expect([await seen(), await counted()]).toEqual([[{ isLive: true, isConnected: false }], 1]);
    signet.clock.advanceSeconds(LIVE_SECONDS);
    expect([await seen(), await counted()]).toEqual([[{ isLive: false, isConnected: false }], 0]);
  });

  it("as long as its watch is open, which shows no sign of life by itself", async () => {
    const { principal } = await signet.runtime("dev");
    instances().watch(principal, instance).seen();
    const [first] = (await instances().list(signet.admin, signet.path("dev"), 1, 0)).rows;
    for (let minute = 0; minute < 12; minute += 1) {
      signet.clock.advanceSeconds(60);
      await instances().renewPresence();
      expect([await seen(), await counted()], `${minute}`).toEqual([[{ isLive: true, isConnected: true }], 1]);
    }
    const [last] = (await instances().list(signet.admin, signet.path("dev"), 1, 0)).rows;
    expect(last?.instance.lastSeen).toBe(first?.instance.lastSeen);
  });

  it("for a minute after its watch ended, and no longer: nobody waits for one that was stopped", async () => {
    const { principal } = await signet.runtime("dev");
    const watch = instances().watch(principal, instance);
    watch.seen();
    watch.ended(false);
    watch.ended(false);
    expect(await seen()).toEqual([{ isLive: true, isConnected: false }]);
    signet.clock.advanceSeconds(RETURN_SECONDS);
    await instances().renewPresence();
    expect([await seen(), await counted()]).toEqual([[{ isLive: false, isConnected: false }], 0]);
  });

  it.each([false, true])(
    "when its new watch opened before the old one ended; written in between: %s",
    async (write) => {
      const { principal } = await signet.runtime("dev");
      const [old, next] = [instances().watch(principal, instance), instances().watch(principal, instance)];
      for (const step of [() => old.seen(), () => next.seen(), () => old.ended(false)]) {
        step();
        if (write) await instances().flush();
      }
      expect(await seen()).toEqual([{ isLive: true, isConnected: true }]);
      next.ended(false);
      expect(await seen()).toEqual([{ isLive: true, isConnected: false }]);
    },
  );

  it("and not connected, after the server stopped and before the instance is back", async () => {
    const { principal } = await signet.runtime("dev");
    const watch = instances().watch(principal, instance);
    watch.seen();
    watch.ended(true);
    await instances().flush();
    await signet.reopen();
    expect(await seen()).toEqual([{ isLive: true, isConnected: false }]);
    signet.clock.advanceSeconds(LIVE_SECONDS);
    expect(await counted()).toBe(0);
  });

  it("and connected while its poll is held; the end of a poll is no sign that it went away", async () => {
    await signet.publish("dev", { n: 1 });
    const { principal } = await signet.runtime("dev");
    const gone = new AbortController();
    const cursor = { afterSequence: 1, afterDeploymentId: "", ifNoneMatch: [], clientAddress: "192.0.2.1" };
    const request = { ...cursor, waitSeconds: 60, instance };
    const held = signet.services.latest.latest(principal, request, gone.signal).catch(() => null);
    await expect.poll(seen).toEqual([{ isLive: true, isConnected: true }]);
    gone.abort();
    await held;
    expect(await seen()).toEqual([{ isLive: true, isConnected: false }]);
    signet.clock.advanceSeconds(LIVE_SECONDS - 1);
    expect(await counted()).toBe(1);
  });

  it("never by the end of a watch that did not begin", async () => {
    const { principal } = await signet.runtime("dev");
    instances().watch(principal, instance).ended(false);
    expect(await seen()).toEqual([]);
  });
});

describe("where an instance stands with what is active", () => {
  it.each([
    ["unknown", { state: "connected", appliedSequence: null, reportedSequence: null }, 3],
    ["unknown", { state: "applied", appliedSequence: 3, reportedSequence: 3 }, null],
    ["applied", { state: "applied", appliedSequence: 3, reportedSequence: 3 }, 3],
    ["behind", { state: "applied", appliedSequence: 2, reportedSequence: 2 }, 3],
    ["behind", { state: "applied", appliedSequence: 9, reportedSequence: 9 }, 3],
    ["rejected", { state: "rejected", appliedSequence: 2, reportedSequence: 3 }, 3],
    ["rejected", { state: "rejected", appliedSequence: 3, reportedSequence: 3 }, 3],
    ["behind", { state: "rejected", appliedSequence: 1, reportedSequence: 2 }, 3],
    ["behind", { state: "rejected", appliedSequence: null, reportedSequence: 0 }, 3],
  ] as const)("%s: %j of %s", (state, reported, active) => {
    expect(rolloutState(reported, active)).toBe(state);
  });
});
