import type { Webhook } from "../../core/webhook.js";
import type { Precedence } from "../changes/shared-writes.js";
import type { CircuitBreaker } from "./circuit-breaker.js";

/**
 * How a webhook gets its deliveries:
 *
 * - `live`: each event makes its delivery at once, in the transaction of the dispatcher;
 * - `catching_up`: its deliveries are made from its outbox cursor on, as fast as its endpoint takes them;
 * - `unproven`: as catching up, but its last attempt in this process did not succeed, or there was none: a few deliveries at a time;
 * - `circuit_open`: it has failed so often that one attempt is made at a time, each after a pause.
 */
export type WorkerState = "live" | "catching_up" | "unproven" | "circuit_open";

/** What a worker may do in a state. */
export interface WorkerLimits {
  /** Deliveries that are taken from the database. */
  readonly queued: number;
  /** First attempts at once: one for each environment. */
  readonly lanes: number;
  /** Retries at once. */
  readonly retries: number;
  /** Whether its work waits until the event loop has none that is more urgent. */
  readonly isLowPriority: boolean;
  /** Of the writes that make its deliveries. */
  readonly precedence: Precedence;
}

const FULL_SPEED = { queued: 200, lanes: 16, retries: 4, isLowPriority: false, precedence: "later" } as const;

/** The limits of each state. */
export const WORKER_LIMITS: Readonly<Record<WorkerState, WorkerLimits>> = {
  live: FULL_SPEED,
  catching_up: FULL_SPEED,
  unproven: { queued: 16, lanes: 16, retries: 4, isLowPriority: true, precedence: "later" },
  circuit_open: { queued: 1, lanes: 1, retries: 1, isLowPriority: true, precedence: "last" },
};

/** @param webhook as it was last read; null before that */
export function workerState(webhook: Webhook | null, breaker: CircuitBreaker): WorkerState {
  if (breaker.isOpen) return "circuit_open";
  if (webhook !== null && webhook.outboxCursor === null) return "live";
  return breaker.isProven ? "catching_up" : "unproven";
}
