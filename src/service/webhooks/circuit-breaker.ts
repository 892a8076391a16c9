import type { Clock } from "../../core/clock.js";

/** Failures in a row that open the circuit. */
const FAILURES_UNTIL_OPEN = 5;
const FIRST_PAUSE_MS = 1_000;
const PAUSE_GROWTH = 3;
/** How long an endpoint that came back may have to wait at most; and a thousand dead ones are a few attempts a second. */
const MAX_PAUSE_MS = 300_000;
/** After a restart endpoints whose circuit was open are not all tried at once. */
const MAX_RESUME_MS = 10_000;

/**
 * Opens when an endpoint fails five times in a row. Then it is tried after pauses, each three times as long as the one before, so
 * that it is found again after at most twice as long as it was away, or five minutes. One success closes the circuit.
 */
export class CircuitBreaker {
  #failures = 0;
  #hasSucceeded = false;
  /** By the monotonic clock. */
  #pausedUntilMs = -Infinity;

  constructor(
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly random: () => number = Math.random,
  ) {}

  /** Its last attempt was a success. Never so in a new process. */
  get isProven(): boolean {
    return this.#hasSucceeded && this.#failures === 0;
  }

  /** It is tried by one delivery at a time, each after a pause. */
  get isOpen(): boolean {
    return this.#failures >= FAILURES_UNTIL_OPEN;
  }

  /** For how long it is not to be tried; 0 when it may be. */
  pauseMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.clock.monotonicMs());
  }

  /** An attempt was answered with success. */
  succeeded(): void {
    this.#hasSucceeded = true;
    this.reset();
  }

  /** An attempt failed. During a pause this is ignored: the attempt was begun before it. */
  failed(): void {
    if (this.pauseMs() > 0) return;
    this.#failures += 1;
    if (!this.isOpen) return;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * PAUSE_GROWTH ** (this.#failures - FAILURES_UNTIL_OPEN));
    // Jitter only adds: endpoints that failed together are not tried together.
    this.#pauseFor(pauseMs * (1 + this.random() / 5));
  }

  /** Its circuit was open when the last process ended. */
  resume(): void {
    this.#failures = FAILURES_UNTIL_OPEN;
    this.#pauseFor(MAX_RESUME_MS * this.random());
  }

  /** Closes the circuit: the webhook was changed. */
  reset(): void {
    this.#failures = 0;
    this.#pausedUntilMs = -Infinity;
  }

  #pauseFor(pauseMs: number): void {
    this.#pausedUntilMs = this.clock.monotonicMs() + pauseMs;
  }
}
