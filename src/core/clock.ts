/** Where the time comes from, so that tests can move it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** An instant as it is stored and compared: ISO 8601, UTC, milliseconds. Sorts as text. */
export type Instant = string;

export function instantOf(date: Date): Instant {
  return date.toISOString();
}

export function addSeconds(instant: Instant, seconds: number): Instant {
  return new Date(Date.parse(instant) + seconds * 1000).toISOString();
}
