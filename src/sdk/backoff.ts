/** The waits between attempts. */
export interface BackoffOptions {
  /** The first ceiling, in milliseconds; it doubles with every failure. */
  readonly baseMs: number;
  /** The highest ceiling, in milliseconds. */
  readonly maxMs: number;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
}

/** Counts failures, and says how long to wait before the next attempt. */
export interface Backoff {
  /** Failures since the last reset, including this one. */
  readonly attempt: number;
  /** The wait after one more failure: anything from 0 to the ceiling ("full jitter"), so that a fleet does not return at once. */
  nextMs(): number;
  /** The wait after a failure that does not end by itself: from half of the highest ceiling to all of it. */
  slowMs(): number;
  /** Called when a connection has proved stable. */
  reset(): void;
}

/** Spreads the first reconnects of a fleet that lost its connections together over 10 s. */
export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 10_000, maxMs: 60_000, random: Math.random };

/** Exponential backoff with full jitter. */
export function createBackoff({ baseMs, maxMs, random }: BackoffOptions): Backoff {
  let attempt = 0;
  return {
    get attempt() {
      return attempt;
    },
    nextMs() {
      const ceilingMs = Math.min(maxMs, baseMs * 2 ** attempt);
      attempt += 1;
      return Math.floor(random() * ceilingMs);
    },
    slowMs() {
      attempt += 1;
      return Math.floor((maxMs / 2) * (1 + random()));
    },
    reset() {
      attempt = 0;
    },
  };
}
