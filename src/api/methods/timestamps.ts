import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { instantOf, type Instant } from "../../core/clock.js";

/** An instant as a message carries it. */
export function timestampOf(instant: Instant): Timestamp {
  return timestampFromDate(new Date(instant));
}

/** As a field that may be unset: spread it into a message's initialiser. */
export function optionalTimestamp<K extends string>(name: K, instant: Instant | null): { [P in K]?: Timestamp } {
  return instant === null ? {} : ({ [name]: timestampOf(instant) } as { [P in K]?: Timestamp });
}

/** A message's timestamp as an instant. */
export function instantOfTimestamp(timestamp: Timestamp): Instant {
  return instantOf(timestampDate(timestamp));
}
