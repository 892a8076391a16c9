import { createHash } from "node:crypto";
import { MAX_LEASE_AHEAD_MS } from "../../bundle/trust/lease.js";
import type { Instant } from "../../core/clock.js";

/** How often a lease is renewed, in seconds, where it lives long enough. */
const RENEWAL_SECONDS = 60;
/** A lease is renewed at least so many times before it runs out. */
const RENEWALS = 5;

/** When a lease is issued and runs out, and from when to when it is the one to serve. In milliseconds since the epoch. */
export interface LeaseTimes {
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** Earlier than this the clock was set back. */
  readonly startsAtMs: number;
  readonly renewAtMs: number;
}

/**
 * The times of an environment's lease. They follow from the time of day alone, so that all nodes sign the same lease: periods of a minute
 * (of a fifth of a life that is shorter than five minutes) begin at a second of the environment's own, so that not all leases are renewed at
 * once. A lease is issued at the start of its period, or with the activation when that is later; of one whose time is far ahead, after the
 * clock was set back, only the period counts.
 *
 * @param lifeSeconds a whole number
 */
export function leaseTimes(
  environmentId: string,
  lifeSeconds: number,
  activatedAt: Instant | null,
  nowMs: number,
): LeaseTimes {
  const periodMs = Math.min(RENEWAL_SECONDS, Math.floor(lifeSeconds / RENEWALS)) * 1000;
  const phaseMs = phaseOf(environmentId, periodMs);
  const startsAtMs = Math.floor((nowMs - phaseMs) / periodMs) * periodMs + phaseMs;
  const activatedAtMs = activatedAt === null ? 0 : wholeSeconds(Date.parse(activatedAt));
  const issuedAtMs = activatedAtMs > nowMs + MAX_LEASE_AHEAD_MS ? startsAtMs : Math.max(startsAtMs, activatedAtMs);
  const expiresAtMs = issuedAtMs + lifeSeconds * 1000;
  return { issuedAtMs, expiresAtMs, startsAtMs, renewAtMs: startsAtMs + periodMs };
}

/** Whole seconds, below the period. */
function phaseOf(environmentId: string, periodMs: number): number {
  return wholeSeconds(createHash("sha256").update(environmentId).digest().readUInt32BE() % periodMs);
}

function wholeSeconds(ms: number): number {
  return ms - (ms % 1000);
}
