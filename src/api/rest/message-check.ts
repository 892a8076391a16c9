import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { fieldRulesOf } from "../../json-form/field-rules.js";
import { isFieldMask, isTimestamp } from "../../json-form/fields.js";
import { isHttpBody } from "../../json-form/http-body.js";
import { restScalar } from "./scalar.js";

/**
 * Refuses a request message that REST cannot read: see `checkResponse`; and json_text only at the top, where the span of the raw
 * text is known. `body` is the field that is the whole body. Throws an Error that names the field.
 */
export function checkRequest(message: DescMessage, body?: DescField): void {
  walk(message, new Set(), body, (field) => {
    if (fieldRulesOf(field).jsonText && field.parent !== message)
      throw refusal(field, "json_text inside of a nested message");
  });
}

/**
 * Refuses a response message that REST cannot write: 64-bit integers (strings in JSON), bytes, maps whose keys are no
 * strings, google.protobuf types but Timestamp, FieldMask and Empty, a google.api.HttpBody that is not the whole body, and field rules
 * on what is no string. `body` is the field that is the whole body. Throws an Error that names the field.
 */
export function checkResponse(message: DescMessage, body?: DescField): void {
  if (!isHttpBody(message)) walk(message, new Set(), body, () => undefined);
}

function walk(
  message: DescMessage,
  seen: Set<DescMessage>,
  body: DescField | undefined,
  visit: (field: DescField) => void,
): void {
  if (seen.has(message) || isTimestamp(message) || isFieldMask(message)) return;
  seen.add(message);
  for (const field of message.fields) {
    if (isHttpBody(field.message) && field.fieldKind === "message" && field === body) continue;
    checkField(field);
    visit(field);
    if (field.message !== undefined) walk(field.message, seen, body, visit);
  }
}

function checkField(field: DescField): void {
  const { jsonText, nullIsEmpty } = fieldRulesOf(field);
  const isString = field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
  if ((jsonText || nullIsEmpty) && !isString)
    throw refusal(field, "json_text and null_is_empty are for single strings");
  if (field.scalar !== undefined && restScalar(field.scalar) === undefined)
    throw refusal(field, ScalarType[field.scalar]);
  if (field.fieldKind === "map" && field.mapKey !== ScalarType.STRING)
    throw refusal(field, "a map without string keys");
  const type = field.message;
  const isKnown = isTimestamp(type) || isFieldMask(type) || type?.typeName === "google.protobuf.Empty";
  if (type?.typeName.startsWith("google.") && !isKnown) throw refusal(field, type.typeName);
}

function refusal(field: DescField, what: string): Error {
  return new Error(`${field.parent.typeName}.${field.name}: REST does not carry ${what}`);
}

/**
 * The field of a stream whose messages are bytes alone (Operation.media_type). Throws an Error that names the method for any other
 * message.
 */
export function bytesFieldOf(name: string, message: DescMessage): DescField {
  const [field, ...others] = message.fields;
  if (field?.fieldKind === "scalar" && field.scalar === ScalarType.BYTES && others.length === 0) return field;
  throw new Error(`${name}: a method with a media_type answers with messages of one field of bytes`);
}
