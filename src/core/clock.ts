/** Where the time comes from, so that tests can move it. */
export interface Clock {
  now(): Date;
  /** Milliseconds for durations: they only grow, and no change of the time of day shows in them. What they count from says nothing. */
  monotonicMs(): number;
}

export const systemClock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };

/**
 * How far a time that was written may lie ahead before it says that the clock was set back since. Small corrections are made all the
 * time.
 */
const SET_BACK_MS = 60_000;

/** Whether the clock was set back since an instant was written. */
export function wasSetBackSince(instant: Instant, now: Date): boolean {
  return Date.parse(instant) > now.getTime() + SET_BACK_MS;
}

/** An instant as it is stored and compared: ISO 8601, UTC, milliseconds. Sorts as text. */
export type Instant = string;

export function instantOf(date: Date): Instant {
  return date.toISOString();
}

export function addSeconds(instant: Instant, seconds: number): Instant {
  return new Date(Date.parse(instant) + seconds * 1000).toISOString();
}
