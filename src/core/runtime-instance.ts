import { addSeconds, type Instant } from "./clock.js";

/** `connected` before the first report; then the outcome of the last one. */
export type InstanceState = "connected" | "applied" | "rejected";

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
  /** The ids of the bundle keys that it trusts, as reported; null before it told. */
  readonly keyIds: readonly string[] | null;
  readonly lastSeen: Instant;
  /** The server process (ServerNode) that has a watch of it open; null when none has. Of a process that has ended it means nothing. */
  readonly connection: string | null;
  /** It is live before this instant: see {@link liveUntil}. */
  readonly liveUntil: Instant;
}

/** How long an instance is live after a sign of life, in seconds: what polls every few minutes stays live. */
export const LIVE_SECONDS = 300;

/** How long an instance is live after its watch ended, in seconds: the SDK is back sooner, and one that was stopped is soon gone. */
export const RETURN_SECONDS = 60;

/**
 * Until when an instance is live. Live means: a watch that names it is open, or it was seen within {@link LIVE_SECONDS}, or its watch
 * ended within {@link RETURN_SECONDS}. An open watch renews it. This is the one definition: for rollouts, metrics, the fleet view, and
 * the deletion of what runtimes still use. In the database it is one condition: `live_until > now`.
 *
 * @param end whether its last watch ended now; otherwise it gave a sign of life.
 */
export function liveUntil(now: Instant, end: boolean): Instant {
  return addSeconds(now, end ? RETURN_SECONDS : LIVE_SECONDS);
}

/** Where an instance stands with what is active in its environment. */
export const ROLLOUT_STATES = ["applied", "behind", "rejected", "unknown"] as const;
/** One of {@link ROLLOUT_STATES}. */
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** What tells where an instance stands. */
type Reported = Pick<RuntimeInstance, "state" | "appliedSequence" | "reportedSequence">;

/**
 * Where an instance stands with the active sequence (null: nothing is active). `applied` and `rejected` are about that very sequence;
 * `unknown` has reported nothing, or there is nothing to apply; everything else is `behind`, a sequence of a lost history too.
 */
export function rolloutState(
  { state, appliedSequence, reportedSequence }: Reported,
  active: number | null,
): RolloutState {
  if (active === null || state === "connected") return "unknown";
  if (state === "rejected") return reportedSequence === active ? "rejected" : "behind";
  return appliedSequence === active ? "applied" : "behind";
}
