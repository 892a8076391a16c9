import { nodeState, type ServerNode } from "../../core/cluster/server-node.js";
import type { Instant } from "../../core/clock.js";
import type { Reader } from "../../store/store.js";

/** Rows of nodes that are read at most, the newest: a process that starts over and over leaves one each time, for an hour. */
export const MAX_NODES = 1_000;

/** The nodes of a database that are there, for what looks from outside of a server's own `Nodes`. Rejects as a read of the store does. */
export async function liveNodes(read: Pick<Reader, "nodes">, now: Instant): Promise<readonly ServerNode[]> {
  return (await read.nodes(MAX_NODES)).filter((node) => nodeState(node, now) === "live");
}
