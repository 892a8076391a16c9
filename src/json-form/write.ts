import { toJson, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { TimestampSchema, type FieldMask, type Timestamp } from "@bufbuild/protobuf/wkt";
import { fieldRulesOf } from "./field-rules.js";
import { getField, isFieldMask, isTimestamp } from "./fields.js";

/** How the text of a json_text field is written. Never called with an empty one, which is `null`. */
type WriteJsonText = (text: string) => string;

/** The server's own texts were checked when they came in. */
const asItIs: WriteJsonText = (text) => text;

/**
 * A message as REST writes it (docs/api.md, "JSON in REST"): proto names, every field present, `null` for what is unset, Timestamps in
 * UTC with Z, enums by name, a FieldMask with proto names. The text of a json_text field stands in the result as it is, never parsed,
 * and `null` when it is empty.
 *
 * On one line, but for line breaks inside of a json_text. Neither 64-bit integers nor bytes nor maps with other keys than strings: REST
 * has no form for them.
 */
export function writeMessage(desc: DescMessage, message: Message, jsonText: WriteJsonText = asItIs): string {
  if (isTimestamp(desc)) return JSON.stringify(toJson(TimestampSchema, message as Timestamp));
  if (isFieldMask(desc)) return JSON.stringify((message as FieldMask).paths.join(","));
  const members = desc.fields.map((field) => `${JSON.stringify(field.name)}:${writeField(field, message, jsonText)}`);
  return `{${members.join(",")}}`;
}

/** The value of one field, as it stands in `writeMessage`'s text. */
export function writeField(field: DescField, message: Message, jsonText: WriteJsonText = asItIs): string {
  const value = getField(message, field);
  if (value === undefined || value === null) return "null";
  if (fieldRulesOf(field).jsonText) return value === "" ? "null" : jsonText(value as string);
  switch (field.fieldKind) {
    case "list":
      return `[${(value as unknown[]).map((item) => writeItem(field, item, jsonText)).join(",")}]`;
    case "map": {
      const entries = Object.entries(value).map(
        ([key, item]) => `${JSON.stringify(key)}:${writeItem(field, item, jsonText)}`,
      );
      return `{${entries.join(",")}}`;
    }
    case "scalar":
    case "enum":
    case "message":
      return writeItem(field, value, jsonText);
  }
}

function writeItem(field: DescField, value: unknown, jsonText: WriteJsonText): string {
  if (field.message !== undefined) return writeMessage(field.message, value as Message, jsonText);
  // An unknown number comes from a newer store: the number is all there is to say.
  if (field.enum !== undefined) return JSON.stringify(field.enum.value[value as number]?.name ?? value);
  return JSON.stringify(value);
}
