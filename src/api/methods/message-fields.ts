import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { ActorSchema } from "../../../gen/signet/v1/actor_pb.js";
import type { Actor } from "../../core/actor.js";
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

/** An actor as messages carry it. */
export function actorMessage({ id, name, prefix, kind }: Actor): MessageInitShape<typeof ActorSchema> {
  return { prefix, kind, ...withoutNulls({ id, name }) };
}

/** The other way: the fields that a request has, for a use case whose input has them optional. */
export function withoutUnset<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** A text of a request that may be left out; an empty one says nothing either. */
export function textOrNull(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : text;
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
