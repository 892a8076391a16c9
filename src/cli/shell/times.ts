import { timestampDate } from "../../sdk/index.js";

/** A time for a person: UTC, to the second; undefined stays. */
export function formatTime(time: Parameters<typeof timestampDate>[0] | undefined): string | undefined {
  return time && `${timestampDate(time).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
