import type { Instant } from "./clock.js";

/** `connected` before the first report; then the outcome of the last one. */
export type InstanceState = "connected" | "applied" | "rejected";

/** An instance counts as live while it is connected, and for this long after it was last seen. */
export const LIVE_SECONDS = 300;

/** A program that enforces the active bundle, according to its reports. */
export interface RuntimeInstance {
  readonly environmentId: string;
  readonly tokenId: number;
  readonly keyPrefix: string;
  readonly instanceId: string;
  readonly appliedSequence: number | null;
  readonly appliedVersion: number | null;
  /** The sequence of its last report; null before the first. */
  readonly reportedSequence: number | null;
  readonly state: InstanceState;
  readonly reason: string | null;
  /** Name and version, as reported. */
  readonly agent: string | null;
  /** The User-Agent of its HTTP client: shown if it reports no `agent`. */
  readonly userAgent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The client's address, as the server saw it; null before the first report to a server that keeps it. */
  readonly source: string | null;
  readonly lastSeen: Instant;
}
