import { toJson, type DescField, type DescMessage, type JsonValue, type Message } from "@bufbuild/protobuf";
import { fieldRulesOf } from "../operations.js";
import { getField, isFieldMask, isTimestamp } from "./fields.js";

/**
 * A message as REST writes it (api.md, "JSON"): names as in the proto, every field present, `null` for what is unset, json_text
 * fields as the raw JSON that they hold, timestamps in ISO 8601.
 */
export function writeMessage(message: Message, desc: DescMessage): string {
  if (!isPlain(desc)) return JSON.stringify(toJson(desc, message as never));
  const fields = desc.fields.map((field) => `${JSON.stringify(field.name)}:${writeField(message, field)}`);
  return `{${fields.join(",")}}`;
}

/** One field of a message as writeMessage writes it: what `response_body` asks for. */
export function writeField(message: Message, field: DescField): string {
  const value = getField(message, field);
  if (value === undefined) return "null";
  switch (field.fieldKind) {
    case "message":
      return writeMessage(value as Message, field.message);
    case "enum":
      return JSON.stringify(field.enum.value[value as number]?.name ?? value);
    case "scalar":
      return fieldRulesOf(field).jsonText ? rawJson(value as string) : writeScalar(value);
    case "list": {
      const { message: item } = field;
      const items = value as readonly unknown[];
      const written = items.map((it) =>
        item === undefined ? writeListItem(field, it) : writeMessage(it as Message, item),
      );
      return `[${written.join(",")}]`;
    }
    case "map": {
      const { message: item } = field;
      const entries = Object.entries(value as Record<string, unknown>).map(
        ([key, it]) =>
          `${JSON.stringify(key)}:${item === undefined ? writeScalar(it) : writeMessage(it as Message, item)}`,
      );
      return `{${entries.join(",")}}`;
    }
  }
}

/** What is a message in the proto and a plain value in JSON is written as protobuf's JSON mapping says. */
function isPlain(desc: DescMessage): boolean {
  return !isTimestamp(desc) && !isFieldMask(desc);
}

function rawJson(text: string): string {
  return text === "" ? "null" : text;
}

function writeListItem(field: DescField & { fieldKind: "list" }, value: unknown): string {
  return field.listKind === "enum"
    ? JSON.stringify(field.enum.value[value as number]?.name ?? value)
    : writeScalar(value);
}

function writeScalar(value: unknown): string {
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString("base64"));
  return JSON.stringify(value as JsonValue);
}
