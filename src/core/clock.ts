/** The source of time, which tests replace. */
export interface Clock {
  now(): Date;
  /** Milliseconds from an arbitrary start, for durations: never decreases, whatever happens to the time of day. */
  monotonicMs(): number;
}

/** The clock of the machine. */
export const systemClock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };

/** How far a recorded time may be in the future before it proves that the clock was set back: clocks are corrected by small steps. */
const SET_BACK_MS = 60_000;

/** Whether the clock was set back since an instant was recorded. */
export function wasSetBackSince(instant: Instant, now: Date): boolean {
  return Date.parse(instant) > now.getTime() + SET_BACK_MS;
}

/** An instant as it is stored and compared: ISO 8601, UTC, milliseconds. Sorts as text. */
export type Instant = string;

/** The instant of a date. */
export function instantOf(date: Date): Instant {
  return date.toISOString();
}

/** The instant so many seconds later; earlier if negative. */
export function addSeconds(instant: Instant, seconds: number): Instant {
  return new Date(Date.parse(instant) + seconds * 1000).toISOString();
}
