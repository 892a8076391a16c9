import { ScalarType, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, type FieldMask } from "@bufbuild/protobuf/wkt";
import type { FieldRules } from "../../gen/signet/v1/options_pb.js";
import type { FieldErrors } from "../core/field-errors.js";
import { fieldRulesOf } from "../json-form/field-rules.js";
import { getField, isFieldMask, setField } from "../json-form/fields.js";
import { keptText, refuseNumber, refuseText, type Refusal } from "./check-value.js";

/** Where a field of the request itself came from: the first part of an error's `loc`. */
export type PlaceOf = (field: DescField) => "body" | "path" | "query";

/**
 * Tells `errors` what of a request is refused by the rules that the proto has for its fields (signet.v1.FieldRules), and puts its texts
 * into the form in which they are kept. The texts of json_text fields are checked where they are parsed.
 */
export function checkMessage(desc: DescMessage, request: Message, placeOf: PlaceOf, errors: FieldErrors): void {
  for (const field of desc.fields) checkField(field, request, [placeOf(field), field.name], errors);
  const mask = desc.fields.find((field) => isFieldMask(field.message));
  if (mask !== undefined) checkCleared(desc, request, getField(request, mask) as FieldMask | undefined, errors);
}

function checkField(field: DescField, message: Message, loc: readonly string[], errors: FieldErrors): void {
  const rules = fieldRulesOf(field);
  const value = getField(message, field);
  if (isAbsent(field, value, rules)) {
    if (rules.required) errors.add(loc, "is required", "missing");
    return;
  }
  if (field.fieldKind === "map") return checkMap(field, value as Readonly<Record<string, unknown>>, loc, errors);
  if (field.fieldKind === "list") {
    const items = value as unknown[];
    checkCount(items.length, rules, loc, errors);
    setField(
      message,
      field,
      items.map((item, index) => checkItem(field, item, [...loc, String(index)], errors)),
    );
    return;
  }
  setField(message, field, checkItem(field, value, loc, errors));
}

/** A text that is always there is absent when it is empty, unless its rules tell what is wrong with that. */
function isAbsent(field: DescField, value: unknown, { minLength, required }: FieldRules): boolean {
  if (value === undefined) return true;
  const isText = field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
  if (!isText || value !== "" || field.presence !== FeatureSet_FieldPresence.IMPLICIT) return false;
  return !(required && minLength > 0);
}

/** The value of a single field, or of one item of a list, in the form in which it is kept. */
function checkItem(field: DescField, value: unknown, loc: readonly string[], errors: FieldErrors): unknown {
  const rules = fieldRulesOf(field);
  if (field.message !== undefined) {
    if (field.message.typeName.startsWith("google.")) return value;
    for (const inner of field.message.fields) checkField(inner, value as Message, [...loc, inner.name], errors);
    return value;
  }
  if (typeof value === "string" && !rules.jsonText) {
    const text = keptText(value, rules);
    tell(refuseText(text, rules), loc, errors);
    return text;
  }
  if (typeof value === "number") tell(refuseNumber(value, rules), loc, errors);
  return value;
}

function checkCount(count: number, { minItems, maxItems }: FieldRules, loc: readonly string[], errors: FieldErrors) {
  if (count < minItems) errors.add(loc, "must not be empty", "too_short");
  if (maxItems > 0 && count > maxItems) errors.add(loc, `must be at most ${maxItems}`, "too_many");
}

/** Keys are texts of 1 to max_key_length characters; the other rules are for the values. */
function checkMap(
  field: DescField,
  map: Readonly<Record<string, unknown>>,
  loc: readonly string[],
  errors: FieldErrors,
): void {
  const rules = fieldRulesOf(field);
  const entries = Object.entries(map);
  checkCount(entries.length, rules, loc, errors);
  const keyRules = { ...rules, minLength: 1, maxLength: rules.maxKeyLength };
  for (const [key, value] of entries.slice(0, rules.maxItems)) {
    if (key === "__proto__") errors.add([...loc, key], `is not a name for ${field.name}`, "prototype_key");
    tell(refuseText(key, keyRules), [...loc, key], errors);
    checkItem(field, value, [...loc, key], errors);
  }
}

/** What an update_mask names and the request does not have is to be cleared, which not every field can be. */
function checkCleared(desc: DescMessage, request: Message, mask: FieldMask | undefined, errors: FieldErrors): void {
  for (const field of mask === undefined ? [] : desc.fields) {
    const { minLength, values, notCleared } = fieldRulesOf(field);
    const isKept = notCleared || minLength > 0 || values.length > 0;
    if (isKept && getField(request, field) === undefined && mask?.paths.includes(field.name) === true)
      errors.add(["body", field.name], "is required", "missing");
  }
}

function tell(refusal: Refusal | undefined, loc: readonly string[], errors: FieldErrors): void {
  if (refusal !== undefined) errors.add(loc, refusal.msg, refusal.type);
}
