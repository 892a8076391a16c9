import type { Instant } from "../../core/clock.js";
import type { SignedObject } from "../envelope/signed-json.js";
import { TrustError } from "./trust-error.js";

/** A time of a signed object: exactly `YYYY-MM-DDTHH:MM:SSZ`. Sorts as text. */
export type TrustTime = string;

/** Later than every other time: the expiry of what never runs out. */
export const END_OF_TIME: TrustTime = "9999-12-31T23:59:59Z";

/** Not the year 0, which not every language has. */
const FORM = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/**
 * An instant without its fraction of a second. Takes milliseconds since the epoch too.
 *
 * @throws RangeError for what is no instant
 */
export function trustTime(instant: Instant | number): TrustTime {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since the epoch. */
export function timeMs(time: TrustTime): number {
  return Date.parse(time);
}

/** A time of a payload. Throws TrustError `malformed` for another form, and for a day or an hour that does not exist. */
export function timeOf(object: SignedObject, field: string): TrustTime {
  const time = object.matching(field, FORM);
  const ms = timeMs(time);
  if (Number.isNaN(ms) || trustTime(ms) !== time) throw new TrustError("malformed", `${field} ${time} does not exist`);
  return time;
}
