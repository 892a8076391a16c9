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
  readonly state: InstanceState;
  readonly reason: string | null;
  readonly agent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly lastSeen: Instant;
}
