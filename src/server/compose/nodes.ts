import { randomUUID } from "node:crypto";
import { Nodes, type NodeIdentity } from "../../service/nodes/nodes.js";
import type { ServiceContext } from "./context.js";
import type { TokenServices } from "./tokens.js";

/** The server processes of the database. */
export interface NodeServices {
  readonly nodes: Nodes;
}

/** Composes what this process tells of itself and knows of the others. */
export function composeNodes(
  { store, clock, feed }: ServiceContext,
  { sessions }: TokenServices,
  identity: NodeIdentity,
): NodeServices {
  const open = () => ({ streams: sessions.count("stream"), polls: sessions.count("poll") });
  return { nodes: new Nodes({ store, clock, feed, identity, open, id: feed?.nodeId ?? randomUUID() }) };
}
