import { create, type DescEnum, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { FieldMaskSchema, TimestampSchema, type Timestamp } from "@bufbuild/protobuf/wkt";
import { isFieldMask, isTimestamp } from "../../json-form/fields.js";
import type { Refusal } from "../../rules/check-value.js";
import { scalarFromText, wrongType } from "./scalar.js";

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const FIRST_MS = Date.parse("0001-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59Z");

/** A value for a field, or why there is none. */
export type Parsed = { readonly value: unknown } | Refusal;

/** One value of a path or query, for a scalar, enum, Timestamp or FieldMask field or for one item of a list of those. */
export function valueFromText(field: DescField, text: string): Parsed {
  if (field.scalar !== undefined) return scalarFromText(field.scalar, text);
  if (field.enum !== undefined) return enumValue(field.enum, text);
  return wellKnownValue(field.message, text) ?? wrongType(`no ${field.message.typeName}`);
}

/** An enum value from its proto name; numbers are no names. */
export function enumValue(desc: DescEnum, name: unknown): Parsed {
  const value = desc.values.find((candidate) => candidate.name === name);
  if (value !== undefined) return { value: value.number };
  return { msg: `must be one of ${desc.values.map((candidate) => candidate.name).join(", ")}`, type: "enum" };
}

/** A message that is a string in JSON (Timestamp, FieldMask) from that string; undefined for every other message type. */
export function wellKnownValue(desc: DescMessage, text: unknown): Parsed | undefined {
  if (isTimestamp(desc)) {
    const value = typeof text === "string" ? parseTimestamp(text) : undefined;
    return value === undefined ? wrongType("a date and time like 2006-01-02T15:04:05Z") : { value };
  }
  if (!isFieldMask(desc)) return undefined;
  const paths = typeof text === "string" ? text.split(",").filter((path) => path !== "") : undefined;
  if (paths?.every((path) => /^[a-z0-9_]+(\.[a-z0-9_]+)*$/.test(path)) !== true) {
    return wrongType("field names, separated by commas");
  }
  return { value: create(FieldMaskSchema, { paths }) };
}

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
