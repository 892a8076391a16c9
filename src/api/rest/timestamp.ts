import { create } from "@bufbuild/protobuf";
import { TimestampSchema, type Timestamp } from "@bufbuild/protobuf/wkt";

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59Z");

/**
 * Parses a date and time with zone (RFC 3339, with capital T and Z, no leap second), to the nanosecond.
 * Undefined when the text is none, when there is no such day (30 February), or when it is not within the years 1 to 9999 in UTC.
 */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, local = "", fraction = "", sign, hours = "0", minutes = "0"] = match;
  const localMs = Date.parse(`${local}Z`);
  // Date.parse takes 30 February for 1 March.
  if (Number.isNaN(localMs) || !new Date(localMs).toISOString().startsWith(local)) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  const ms = localMs - offsetMs;
  if (ms < FIRST_MS || ms > LAST_MS) return undefined;
  return create(TimestampSchema, { seconds: BigInt(ms / 1000), nanos: Number(fraction.padEnd(9, "0")) });
}
