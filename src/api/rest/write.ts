import { toJson, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { TimestampSchema, type FieldMask, type Timestamp } from "@bufbuild/protobuf/wkt";
import { fieldRulesOf } from "../admission/operations.js";
import { getField, isFieldMask, isTimestamp } from "./fields.js";

/**
 * A message as REST writes it (api.md, "JSON"): proto names, every field present, `null` for what is unset, Timestamps in UTC with
 * Z, enums by name, a FieldMask with proto names. The text of a json_text field stands in the result as it is, never parsed, and
 * `null` when it is empty.
 *
 * On one line, but for line breaks inside of a json_text. The message must be of a type that `checkResponse` let pass.
 */
export function writeMessage(desc: DescMessage, message: Message): string {
  if (isTimestamp(desc)) return JSON.stringify(toJson(TimestampSchema, message as Timestamp));
  if (isFieldMask(desc)) return JSON.stringify((message as FieldMask).paths.join(","));
  const members = desc.fields.map((field) => `${JSON.stringify(field.name)}:${writeField(field, message)}`);
  return `{${members.join(",")}}`;
}

/** The value of one field, as it stands in `writeMessage`'s text. */
export function writeField(field: DescField, message: Message): string {
  const value = getField(message, field);
  if (value === undefined || value === null) return "null";
  if (fieldRulesOf(field).jsonText) return value === "" ? "null" : (value as string);
  switch (field.fieldKind) {
    case "list":
      return `[${(value as unknown[]).map((item) => writeItem(field, item)).join(",")}]`;
    case "map": {
      const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${writeItem(field, item)}`);
      return `{${entries.join(",")}}`;
    }
    case "scalar":
    case "enum":
    case "message":
      return writeItem(field, value);
  }
}

function writeItem(field: DescField, value: unknown): string {
  if (field.message !== undefined) return writeMessage(field.message, value as Message);
  // An unknown number comes from a newer store: the number is all there is to say.
  if (field.enum !== undefined) return JSON.stringify(field.enum.value[value as number]?.name ?? value);
  return JSON.stringify(value);
}
