import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { fieldRulesOf } from "../../json-form/field-rules.js";
import type { FieldErrors } from "../../core/field-errors.js";
import { fieldNamed, getField, setField } from "../../json-form/fields.js";
import { refuseJsonScalar } from "./scalar.js";
import { enumValue, wellKnownValue, type Parsed } from "./text-value.js";

/**
 * A parsed JSON value as a field keeps it. Undefined when the field stays as it is: for `null`, and for what was refused, which is
 * told to `errors`. A field with null_is_empty, which is a string, becomes empty by `null` (signet.v1.FieldRules).
 *
 * @param value from JSON.parse of a text that scanStrictJson let pass: its depth is bounded, and so is the recursion here
 */
export function fieldFromJson(field: DescField, value: unknown, loc: readonly string[], errors: FieldErrors): unknown {
  if (value === null) return fieldRulesOf(field).nullIsEmpty ? "" : undefined;
  switch (field.fieldKind) {
    case "list":
      if (Array.isArray(value))
        return value.map((item, index) => itemFromJson(field, item, [...loc, String(index)], errors));
      errors.add(loc, "must be an array", "type");
      return undefined;
    case "map":
      return mapFromJson(field, value, loc, errors);
    case "scalar":
    case "enum":
    case "message":
      return itemFromJson(field, value, loc, errors);
  }
}

/** Fills a message from a JSON object; unknown keys are ignored (api.md, "JSON"). */
export function messageFromJson(
  desc: DescMessage,
  value: unknown,
  loc: readonly string[],
  errors: FieldErrors,
): Message | undefined {
  if (!isObject(value)) {
    errors.add(loc, "must be an object", "type");
    return undefined;
  }
  const message = create(desc);
  for (const [name, inner] of Object.entries(value)) {
    const field = fieldNamed(desc, name);
    if (field !== undefined)
      setFromJson(message, field, fieldFromJson(field, inner, [...loc, name], errors), loc, errors);
  }
  return message;
}

/** Sets what `fieldFromJson` returned; refuses a second member of a oneof. */
export function setFromJson(
  message: Message,
  field: DescField,
  value: unknown,
  loc: readonly string[],
  errors: FieldErrors,
): void {
  if (value === undefined) return;
  const other = field.oneof?.fields.find((member) => getField(message, member) !== undefined);
  if (other !== undefined)
    errors.add([...loc, field.name], `${other.name} is there already, and only one may be`, "oneof");
  else setField(message, field, value);
}

/** A value that is not null: of a singular field, or of one item of a list or map. */
function itemFromJson(field: DescField, value: unknown, loc: readonly string[], errors: FieldErrors): unknown {
  const parsed = leafFromJson(field, value);
  if (parsed === undefined) return field.message && messageFromJson(field.message, value, loc, errors);
  if ("value" in parsed) return parsed.value;
  errors.add(loc, parsed.msg, parsed.type);
  return undefined;
}

/** A value that has no fields; undefined when the field is for a message that has. */
function leafFromJson(field: DescField, value: unknown): Parsed | undefined {
  if (field.enum !== undefined) return enumValue(field.enum, value);
  if (field.scalar === undefined) return wellKnownValue(field.message, value);
  // Adding 0 makes 0 of -0, which no integer is.
  return refuseJsonScalar(field.scalar, value) ?? { value: typeof value === "number" ? value + 0 : value };
}

function mapFromJson(
  field: DescField & { fieldKind: "map" },
  value: unknown,
  loc: readonly string[],
  errors: FieldErrors,
): unknown {
  if (!isObject(value)) {
    errors.add(loc, "must be an object", "type");
    return undefined;
  }
  // Without a prototype, so that no key (constructor, toString) finds anything but itself.
  const map = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) map[key] = itemFromJson(field, item, [...loc, key], errors);
  return map;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
