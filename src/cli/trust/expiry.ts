import { InvalidArgumentError } from "commander";
import { trustTime, type TrustTime } from "../../bundle/trust/trust-time.js";

const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000, y: 365 * 86_400_000 } as const;

/** For how long a root holds by default. */
export const ROOT_LIFE_MS = UNITS.y;

const FORMS = "It must be a time from now, such as 12h, 90d or 1y, or an ISO 8601 time in the future.";

/** Parser of an expiry: a time from now (`90d`; a year has 365 days), or an ISO 8601 date or time with a zone. Commander reports errors. */
export function expiry(text: string): TrustTime {
  const [, digits = "", unit = ""] = /^([1-9]\d{0,4})([hdwy])$/.exec(text) ?? [];
  if (digits !== "") return inMs(Number(digits) * UNITS[unit as keyof typeof UNITS]);
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const ms = isTime ? Date.parse(text) : NaN;
  if (Number.isNaN(ms) || ms <= Date.now()) throw new InvalidArgumentError(FORMS);
  return trustTime(ms);
}

/** The time so many milliseconds from now; years that do not fit into the form of times are refused. */
export function inMs(ms: number): TrustTime {
  const at = Date.now() + ms;
  if (at >= Date.UTC(9999, 11, 31)) throw new InvalidArgumentError(FORMS);
  return trustTime(at);
}
