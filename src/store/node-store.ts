import type { Instant } from "../core/clock.js";
import type { ServerNode } from "../core/cluster/server-node.js";

/** Look-ups of the server processes that share the database; none where only one may write. */
export interface NodeReader {
  /** Those seen last first, at most `limit`. */
  nodes(limit: number): Promise<readonly ServerNode[]>;
}

/** Changes of them. */
export interface NodeWriter {
  /** Keeps what a node told last, and forgets those that were not seen since an instant. */
  putNode(node: ServerNode, forgetBefore: Instant): Promise<void>;
}
