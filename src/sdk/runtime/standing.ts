import { conditionOf, trustNow, type TrustedState } from "../../bundle/trust/trust-state.js";
import { timeMs } from "../../bundle/trust/trust-time.js";
import type { RuntimeState } from "./runtime.js";

/** How well what a runtime has is proven at a time. */
export interface Standing {
  readonly state: RuntimeState;
  /** When the proof runs out; null without one. */
  readonly provenUntil: Date | null;
  /** How long it stays so if nothing comes, in milliseconds; Infinity: for ever. */
  readonly forMs: number;
}

/** A server renews a lease after a fifth of its default life: at two thirds at least one new lease did not come. */
const STALE_AFTER = 2 / 3;

/** The standing of a verified state. */
export function standingOf(trusted: TrustedState, ownMs: number): Standing {
  const { condition, until } = conditionOf(trusted, ownMs);
  if (condition !== "fresh" || until === null || trusted.lease === null) {
    return { state: condition, provenUntil: null, forMs: Infinity };
  }
  const nowMs = trustNow(trusted, ownMs);
  const issuedMs = timeMs(trusted.lease.value.issuedAt);
  const staleMs = issuedMs + (timeMs(trusted.lease.value.expiresAt) - issuedMs) * STALE_AFTER;
  const untilMs = timeMs(until);
  const isStale = nowMs >= staleMs;
  const changesMs = isStale ? untilMs : Math.min(staleMs, untilMs);
  return { state: isStale ? "stale" : "fresh", provenUntil: new Date(untilMs), forMs: changesMs - nowMs };
}
