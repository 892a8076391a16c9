export interface BackoffOptions {
  /** The first ceiling; it doubles with every failure. */
  readonly baseMs: number;
  /** No ceiling is higher. */
  readonly maxMs: number;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
}

/** How long to wait before the next attempt. */
export interface Backoff {
  /** Failures since the last reset, this one counted. */
  readonly attempt: number;
  /** The wait after one more failure: anything from 0 to the ceiling ("full jitter"), so that a fleet does not return at once. */
  nextMs(): number;
  /** The wait where trying again helps only when somebody acts first: from half of the highest ceiling to all of it. */
  slowMs(): number;
  /** When a connection has proved good. */
  reset(): void;
}

/** The first return of a fleet that lost its connections together is spread over 10 s. */
export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 10_000, maxMs: 60_000, random: Math.random };

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
