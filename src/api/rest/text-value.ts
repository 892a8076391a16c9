import { create, type DescEnum, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { isFieldMask, isTimestamp } from "../../json-form/fields.js";
import type { Refusal } from "../../rules/check-value.js";
import { scalarFromText, wrongType } from "./scalar.js";
import { parseTimestamp } from "./timestamp.js";

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
