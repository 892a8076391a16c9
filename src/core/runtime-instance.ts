import type { Instant } from "./clock.js";

export type InstanceState = "connected" | "applied" | "rejected";

/** A program that enforces the active bundle, as far as it told. */
export interface RuntimeInstance {
  readonly environmentId: string;
  readonly tokenId: number;
  readonly keyPrefix: string;
  readonly instanceId: string;
  readonly appliedSequence: number | null;
  readonly appliedVersion: number | null;
  /** What its state is about; null before the first report. */
  readonly reportedSequence: number | null;
  readonly state: InstanceState;
  readonly reason: string | null;
  /** What it says of itself. */
  readonly agent: string | null;
  /** What its HTTP client calls itself: shown while it does not say `agent`. */
  readonly userAgent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The client's address, as the server saw it; null before the first report to a server that keeps it. */
  readonly source: string | null;
  readonly lastSeen: Instant;
}
