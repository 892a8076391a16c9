import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";

/** An instant of a URL (ISO 8601) as a request carries it; undefined for an empty text and for what is no instant. */
export function timestampOfText(text: string | undefined): Timestamp | undefined {
  if (text === undefined || text === "") return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : timestampFromDate(date);
}

/** An instant as the text of a field for date and time, in UTC or in the zone of the browser; empty for what is no instant. */
export function fieldOfInstant(instant: string, zone: "local" | "utc"): string {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return "";
  const shiftMinutes = zone === "utc" ? 0 : -date.getTimezoneOffset();
  return new Date(date.getTime() + shiftMinutes * 60_000).toISOString().slice(0, 16);
}

/** The other way: `2026-03-01T12:30:00.000Z`; empty for an empty field. */
export function instantOfField(text: string, zone: "local" | "utc"): string {
  if (text === "") return "";
  const date = new Date(zone === "utc" ? `${text}Z` : text);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** `2026-03-01T12:30:00.000Z`, as the JSON form of the API has it to the millisecond; empty for none. */
export function isoOfTimestamp(at: Timestamp | undefined): string {
  return at === undefined ? "" : new Date(Number(at.seconds) * 1000 + Math.floor(at.nanos / 1e6)).toISOString();
}
