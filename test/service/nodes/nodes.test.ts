import { describe, expect, it } from "vitest";
import { NODE_FORGOTTEN_SECONDS, NODE_SILENT_SECONDS } from "../../../src/core/cluster/server-node.js";
import { useServices } from "../fixture.js";
import { openNode } from "./several-nodes.js";

describe("the nodes of a shared database", () => {
  const signet = useServices();
  const shown = async (node: ReturnType<typeof openNode>) =>
    (await node.nodes.list()).map(({ node: { name }, state, isSelf }) => [name, state, isSelf]);

  it("each tell of themselves, and see each other in the order in which they started", async () => {
    const b = openNode(signet, "b");
    signet.clock.advanceSeconds(1);
    const a = openNode(signet, "a");
    a.nodes.listens("http://a", () => "its disk is full");
    for (const node of [a, b]) await node.nodes.tell();
    expect(await shown(a)).toEqual([
      ["b", "live", false],
      ["a", "live", true],
    ]);
    const [, seen] = await b.nodes.list();
    expect(seen).toEqual({
      node: {
        ...{ id: a.nodes.id, name: "a", version: "1", schema: "0001-initial", url: "http://a" },
        ...{ startedAt: "2026-05-01T12:00:01.000Z", seenAt: "2026-05-01T12:00:01.000Z", streams: 2, polls: 1 },
        ...{ lagMs: 0, problem: "its disk is full", stoppingAt: null },
      },
      ...{ state: "live", isSelf: false },
    });
  });

  it("count as stale when they are silent, are forgotten after an hour, and are never stale to themselves", async () => {
    const [a, b] = [openNode(signet, "a"), openNode(signet, "b")];
    for (const node of [a, b]) await node.nodes.tell();
    expect(await a.nodes.live()).toEqual(new Set([a.nodes.id, b.nodes.id]));
    signet.clock.advanceSeconds(NODE_SILENT_SECONDS);
    expect((await shown(a)).map(([, state]) => state).toSorted()).toEqual(["live", "stale"]);
    expect(await a.nodes.counts()).toEqual({ live: 1, stale: 1, stopped: 0 });
    expect(await a.nodes.live()).toEqual(new Set([a.nodes.id]));
    signet.clock.advanceSeconds(NODE_FORGOTTEN_SECONDS);
    await a.nodes.tell();
    expect(await shown(a)).toEqual([["a", "live", true]]);
    expect(await signet.count("nodes")).toBe(1);
  });

  it("are gone at once when they say that they stop", async () => {
    const [a, b] = [openNode(signet, "a"), openNode(signet, "b")];
    for (const node of [a, b]) await node.nodes.tell();
    await b.nodes.stop();
    expect(await shown(a)).toContainEqual(["b", "stopped", false]);
    expect(await a.nodes.live()).toEqual(new Set([a.nodes.id]));
  });

  it("are looked up at most every two seconds", async () => {
    const [a, b] = [openNode(signet, "a"), openNode(signet, "b")];
    expect(await a.nodes.live()).toEqual(new Set([a.nodes.id]));
    await b.nodes.tell();
    expect(await a.nodes.live()).toEqual(new Set([a.nodes.id]));
    signet.clock.advanceSeconds(2);
    expect(await a.nodes.live()).toEqual(new Set([a.nodes.id, b.nodes.id]));
  });

  it("tell for how long they have heard nothing of the others", async () => {
    const a = openNode(signet, "a");
    signet.clock.advanceSeconds(3);
    expect(a.nodes.own().lagMs).toBe(3_000);
    a.feed.heardAtMs = signet.clock.monotonicMs();
    expect(a.nodes.own().lagMs).toBe(0);
  });
});

describe("the only process of a database", () => {
  const signet = useServices();

  it("writes nothing, and is the one node", async () => {
    const { nodes } = signet.services;
    await nodes.tell();
    await nodes.stop();
    expect(await signet.count("nodes")).toBe(0);
    expect(await nodes.list()).toMatchObject([{ node: { name: "test", lagMs: null }, isSelf: true }]);
    expect(await nodes.live()).toEqual(new Set([nodes.id]));
  });
});
