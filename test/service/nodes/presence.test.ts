import { describe, expect, it } from "vitest";
import { LIVE_SECONDS, RETURN_SECONDS } from "../../../src/core/runtime-instance.js";
import { NODE_SILENT_SECONDS } from "../../../src/core/cluster/server-node.js";
import type { Principal } from "../../../src/core/token.js";
import { useServices } from "../fixture.js";
import { openNode } from "./several-nodes.js";

const instance = { instanceId: "a", labels: {}, userAgent: null, clientAddress: "192.0.2.1" };
const report = { state: "applied" as const, sequence: 1, deploymentId: "", reason: null, agent: null, keyIds: null };

type Node = ReturnType<typeof openNode>;

describe("an instance whose watch is open on one of several nodes", () => {
  const signet = useServices();

  /** Two nodes that know each other, and a runtime. */
  async function start(): Promise<{ a: Node; b: Node; principal: Principal }> {
    await signet.publish("dev");
    const [a, b] = [openNode(signet, "a"), openNode(signet, "b")];
    for (const node of [a, b]) await node.nodes.tell();
    const { principal } = await signet.runtime("dev");
    return { a, b, principal };
  }

  /** As each of the nodes shows it, in the list and by the filters of the fleet. */
  async function seenBy(...nodes: readonly Node[]) {
    const seen = [];
    for (const { instances, fleet } of nodes) {
      const { rows } = await instances.list(signet.admin, signet.path("dev"), 10, 0);
      const signal = AbortSignal.timeout(60_000);
      const connected = await fleet.list(signet.admin, { connected: true, offset: 0 }, signal);
      const others = await fleet.list(signet.admin, { connected: false, offset: 0 }, signal);
      const [row] = rows;
      expect([connected.total, others.total]).toEqual(row?.isConnected === true ? [1, 0] : [0, 1]);
      seen.push({ live: row?.isLive, connected: row?.isConnected });
    }
    return seen;
  }

  const open = { live: true, connected: true };
  const returning = { live: true, connected: false };
  const gone = { live: false, connected: false };

  it("is connected as every node sees it", async () => {
    const { a, b, principal } = await start();
    a.instances.watch(principal, instance).seen();
    await a.instances.flush();
    expect(await seenBy(a, b)).toEqual([open, open]);
  });

  it.each([true, false])("moves to the other; the end of the old watch is written last: %s", async (isLast) => {
    const { a, b, principal } = await start();
    const old = a.instances.watch(principal, instance);
    old.seen();
    await a.instances.flush();
    b.instances.watch(principal, instance).seen();
    old.ended(false);
    for (const node of isLast ? [b, a] : [a, b]) await node.instances.flush();
    expect(await seenBy(a, b)).toEqual([open, open]);
    // It does not go away with the old watch either.
    signet.clock.advanceSeconds(RETURN_SECONDS);
    for (const node of [a, b]) await node.nodes.tell();
    expect(await seenBy(a, b)).toEqual([open, open]);
  });

  it("stays there while its reports and polls reach another node", async () => {
    const { a, b, principal } = await start();
    a.instances.watch(principal, instance).seen();
    await a.instances.flush();
    await b.instances.report(principal, { ...report, ...instance });
    await b.instances.flush();
    expect(await seenBy(a, b)).toEqual([open, open]);
  });

  it("is not taken back by the renewal of a connection whose death was not noticed", async () => {
    const { a, b, principal } = await start();
    const dead = a.instances.watch(principal, instance);
    dead.seen();
    await a.instances.flush();
    b.instances.watch(principal, instance).seen();
    await b.instances.flush();
    for (let seconds = 0; seconds < LIVE_SECONDS; seconds += 60) {
      signet.clock.advanceSeconds(60);
      for (const node of [a, b]) await node.nodes.tell();
      for (const node of [a, b]) {
        await node.instances.renewPresence();
        await node.instances.flush();
      }
    }
    dead.ended(false);
    await a.instances.flush();
    signet.clock.advanceSeconds(RETURN_SECONDS);
    for (const node of [a, b]) await node.nodes.tell();
    expect(await seenBy(a, b)).toEqual([open, open]);
  });

  it("with a watch open on both, stays when the newer one ends", async () => {
    const { a, b, principal } = await start();
    a.instances.watch(principal, instance).seen();
    await a.instances.flush();
    const newer = b.instances.watch(principal, instance);
    newer.seen();
    await b.instances.flush();
    // The older node learns that it is not the one that is kept.
    await a.instances.report(principal, { ...report, ...instance });
    await a.instances.flush();
    newer.ended(false);
    await b.instances.flush();
    await a.instances.renewPresence();
    expect(await seenBy(a, b)).toEqual([open, open]);
  });

  it("is not connected when the node is silent, live for some minutes, and then gone", async () => {
    const { a, b, principal } = await start();
    a.instances.watch(principal, instance).seen();
    await a.instances.flush();
    signet.clock.advanceSeconds(NODE_SILENT_SECONDS);
    expect(await seenBy(b)).toEqual([returning]);
    signet.clock.advanceSeconds(LIVE_SECONDS - NODE_SILENT_SECONDS);
    expect(await seenBy(b)).toEqual([gone]);
  });

  it("is not connected when the node stops, until it is back on the other", async () => {
    const { a, b, principal } = await start();
    const watch = a.instances.watch(principal, instance);
    watch.seen();
    await a.instances.flush();
    watch.ended(true);
    await a.nodes.stop();
    expect(await seenBy(b)).toEqual([returning]);
    b.instances.watch(principal, instance).seen();
    expect(await seenBy(b)).toEqual([open]);
  });

  it("ends on the node that came after the one that crashed", async () => {
    const { a, b, principal } = await start();
    a.instances.watch(principal, instance).seen();
    await a.instances.flush();
    signet.clock.advanceSeconds(NODE_SILENT_SECONDS);
    await b.nodes.tell();
    const watch = b.instances.watch(principal, instance);
    watch.seen();
    watch.ended(false);
    expect(await seenBy(b)).toEqual([returning]);
    signet.clock.advanceSeconds(RETURN_SECONDS);
    expect(await seenBy(b)).toEqual([gone]);
  });
});
