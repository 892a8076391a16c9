import { randomUUID } from "node:crypto";
import { Nodes } from "../../../src/service/nodes/nodes.js";
import { Fleet } from "../../../src/service/runtimes/fleet.js";
import { Instances } from "../../../src/service/runtimes/instances.js";
import { HighWaterMarks } from "../../../src/store/high-water-marks.js";
import type { Fixture } from "../fixture.js";

/** What a node of a shared database keeps in memory of nodes and instances, over the store of the fixture. */
export function openNode({ store, clock }: Fixture, name: string) {
  const feed = {
    nodeId: randomUUID(),
    heardAtMs: clock.monotonicMs(),
    listenerLosses: 0,
    marks: new HighWaterMarks(),
    follow: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const identity = { name, version: "1", schema: "0001-initial" };
  const open = () => ({ streams: 2, polls: 1 });
  const nodes = new Nodes({ store, clock, feed, identity, open, id: feed.nodeId });
  const instances = new Instances({ store, clock, nodes });
  return { nodes, instances, fleet: new Fleet({ store, clock, instances, nodes }), feed };
}
