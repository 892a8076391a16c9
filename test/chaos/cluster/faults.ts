import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../../../tools/postgres/cluster.js";
import type { NetworkLink } from "../../support/postgres/network.js";
import type { ModelNode } from "./node.js";
import type { FaultKind, Timeline } from "./timeline.js";

/** How long faults last, in milliseconds. */
export interface FaultTimes {
  readonly frozenMs: number;
  readonly cutMs: number;
  /** Between two of them. */
  readonly pauseMs: number;
}

/** What faults are done to. */
export interface Victims {
  readonly nodes: readonly ModelNode[];
  readonly database: Cluster;
  /** The node that has a link of its own to the database; null without namespaces. */
  readonly remote: { readonly node: ModelNode; readonly link: NetworkLink } | null;
}

/** Does one fault after the other, each kind as often as the others, in an order that the seed decides, until the time is over. */
export async function doFaults(
  victims: Victims,
  { frozenMs, cutMs, pauseMs }: FaultTimes,
  timeline: Timeline,
  random: (below: number) => number,
  untilMs: number,
): Promise<void> {
  const { nodes, database, remote } = victims;
  const pick = () => nodes[random(nodes.length)] as ModelNode;
  const some = (ms: number) => sleep(ms / 2 + random(ms));
  const faults: Readonly<Record<FaultKind, () => Promise<void>>> = {
    "node killed": async () => {
      const node = pick();
      await timeline.during("node killed", node.name, async () => {
        await node.kill();
        await some(1_000);
        await node.start();
      });
    },
    "backends ended": () =>
      timeline.during("backends ended", null, async () => {
        await database.terminateBackends();
      }),
    "database crashed": () =>
      timeline.during("database crashed", null, async () => {
        await database.crash();
        await some(1_000);
        await database.start();
      }),
    "node frozen": async () => {
      const node = pick();
      await timeline.during("node frozen", node.name, async () => {
        node.freeze();
        await sleep(frozenMs);
        node.thaw();
      });
    },
    "node cut off": async () => {
      if (remote === null) return;
      await timeline.during("node cut off", remote.node.name, async () => {
        remote.link.cut();
        await some(cutMs);
        remote.link.heal();
      });
    },
  };
  const kinds = (Object.keys(faults) as FaultKind[]).filter((kind) => kind !== "node cut off" || remote !== null);
  while (performance.now() < untilMs) {
    for (const kind of shuffled(kinds, random)) {
      await some(pauseMs);
      if (performance.now() >= untilMs) return;
      await faults[kind]();
    }
  }
}

function shuffled<T>(all: readonly T[], random: (below: number) => number): readonly T[] {
  const left = [...all];
  return all.map(() => left.splice(random(left.length), 1)[0] as T);
}
