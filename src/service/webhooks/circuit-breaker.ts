import type { Clock } from "../../core/clock.js";

/** An endpoint that failed so often, without a success in between, rests. */
const FAILURES_UNTIL_OPEN = 5;
const FIRST_REST_MS = 1_000;
const REST_GROWTH = 3;
/** How long an endpoint that came back may have to wait at most; and a thousand dead ones are a few tries a second. */
const MAX_REST_MS = 300_000;
/** After a restart endpoints that were resting are not all tried at once. */
const MAX_RESUME_MS = 10_000;

/**
 * How an endpoint has answered lately. One that fails again and again is tried ever more seldom, three times as long after each
 * failure: it is found again after at most twice as long as it was away, or five minutes. One success, and it is tried as ever.
 */
export class CircuitBreaker {
  #failures = 0;
  #hasAnswered = false;
  /** By the monotonic clock. */
  #restsUntilMs = -Infinity;

  constructor(
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly random: () => number = Math.random,
  ) {}

  /** Its last try was a success. Never so in a new process. */
  get isGood(): boolean {
    return this.#hasAnswered && this.#failures === 0;
  }

  /** It is tried by one delivery at a time, each after a rest. */
  get isOpen(): boolean {
    return this.#failures >= FAILURES_UNTIL_OPEN;
  }

  /** For how long it is not to be tried; 0 when it may be. */
  restMs(): number {
    return Math.max(0, this.#restsUntilMs - this.clock.monotonicMs());
  }

  succeeded(): void {
    this.#hasAnswered = true;
    this.#failures = 0;
    this.#restsUntilMs = -Infinity;
  }

  failed(): void {
    // Begun before the rest, and no news.
    if (this.restMs() > 0) return;
    this.#failures += 1;
    if (!this.isOpen) return;
    const restMs = Math.min(MAX_REST_MS, FIRST_REST_MS * REST_GROWTH ** (this.#failures - FAILURES_UNTIL_OPEN));
    // Jitter only adds: what fell over together does not come back together.
    this.#restUntil(restMs * (1 + this.random() / 5));
  }

  /** It was resting when the last process ended. */
  resume(): void {
    this.#failures = FAILURES_UNTIL_OPEN;
    this.#restUntil(MAX_RESUME_MS * this.random());
  }

  /** Somebody has seen to it. */
  reset(): void {
    this.#failures = 0;
    this.#restsUntilMs = -Infinity;
  }

  #restUntil(restMs: number): void {
    this.#restsUntilMs = this.clock.monotonicMs() + restMs;
  }
}
