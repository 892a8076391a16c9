import { addSeconds, type Instant } from "../clock.js";

/** A server process of a database, as it told last. */
export interface ServerNode {
  /** A UUID of its own for each start: `connection` of the instances whose watches it has open. */
  readonly id: string;
  /** SIGNET_NODE_NAME, or the name of its host; two nodes may have the same. */
  readonly name: string;
  readonly version: string;
  /** The address that it listens on; null before it does. */
  readonly url: string | null;
  readonly startedAt: Instant;
  /** When it told, by its own clock. */
  readonly seenAt: Instant;
  /** Watches that are open. */
  readonly streams: number;
  /** Polls that are held open. */
  readonly polls: number;
  /** The newest migration that it knows, for example `0023-nodes`. */
  readonly schema: string;
  /** For how many milliseconds it may not know what the others changed; null for a process that shares its database with none. */
  readonly lagMs: number | null;
  /** Why it does not take changes, in a sentence; null when it does. */
  readonly problem: string | null;
  /** When it began to stop; null while it does not. */
  readonly stoppingAt: Instant | null;
}

/** `live` told a moment ago; `stale` is silent: it died, or does not reach the database; `stopped` said that it stops. */
export const NODE_STATES = ["live", "stale", "stopped"] as const;
/** One of {@link NODE_STATES}. */
export type NodeState = (typeof NODE_STATES)[number];

/** How often a node tells of itself, in seconds. */
export const NODE_TELLS_SECONDS = 5;

/** After so many seconds of silence a node counts as stale. The clocks of the nodes must agree much better than that. */
export const NODE_SILENT_SECONDS = 15;

/** A node that told nothing for so many seconds is forgotten. */
export const NODE_FORGOTTEN_SECONDS = 3_600;

/** Whether a node is there, at an instant. */
export function nodeState({ seenAt, stoppingAt }: Pick<ServerNode, "seenAt" | "stoppingAt">, now: Instant): NodeState {
  if (stoppingAt !== null) return "stopped";
  return seenAt > addSeconds(now, -NODE_SILENT_SECONDS) ? "live" : "stale";
}
