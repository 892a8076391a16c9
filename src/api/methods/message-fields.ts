import { timestampDate, timestampFromDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import { instantOf, type Instant } from "../../core/clock.js";
import type { Listed } from "../../store/page.js";

/**
 * Messages leave optional fields out where the product's nouns say null: the object without its null fields, to be spread into a
 * message's initialiser.
 */
export function withoutNulls<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/** The other way: the fields that a request has, for a use case whose input has them optional. */
export function withoutUnset<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

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

/** The rows of a bare array, with the number of all of them in X-Total-Count (docs/api.md, "Lists"). */
export function countedRows<T>(context: HandlerContext, { rows, total }: Listed<T>): readonly T[] {
  context.responseHeader.set("X-Total-Count", String(total));
  return rows;
}
