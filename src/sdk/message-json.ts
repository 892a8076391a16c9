import { createRegistry, getOption, hasOption, toJson, type DescField, type Message } from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { FeatureSet_FieldPresence, TimestampSchema, type Timestamp } from "@bufbuild/protobuf/wkt";
import { file_signet_v1_artifact } from "../../gen/signet/v1/artifact_pb.js";
import { file_signet_v1_audit } from "../../gen/signet/v1/audit_pb.js";
import { file_signet_v1_bundle } from "../../gen/signet/v1/bundle_pb.js";
import { field as fieldOption } from "../../gen/signet/v1/options_pb.js";
import { file_signet_v1_organization } from "../../gen/signet/v1/organization_pb.js";
import { file_signet_v1_pipeline } from "../../gen/signet/v1/pipeline_pb.js";
import { file_signet_v1_runtime } from "../../gen/signet/v1/runtime_pb.js";
import { file_signet_v1_token } from "../../gen/signet/v1/token_pb.js";
import { file_signet_v1_webhook } from "../../gen/signet/v1/webhook_pb.js";

const MESSAGES = createRegistry(
  file_signet_v1_artifact,
  file_signet_v1_audit,
  file_signet_v1_bundle,
  file_signet_v1_organization,
  file_signet_v1_pipeline,
  file_signet_v1_runtime,
  file_signet_v1_token,
  file_signet_v1_webhook,
);

/**
 * An answer of the server as the JSON text that REST would have given: snake_case names, every field there, `null` for one that is
 * unset, documents as raw JSON with every digit as the server sent it. Throws a TypeError for a message that is not of signet.v1.
 */
export function formatMessage(message: Message): string {
  const schema = MESSAGES.getMessage(message.$typeName);
  if (schema === undefined) throw new TypeError(`${message.$typeName} is no message of signet.v1`);
  return formatReflected(reflect(schema, message));
}

/** Several answers as one JSON array. */
export function formatMessages(messages: readonly Message[]): string {
  return `[${messages.map(formatMessage).join(",")}]`;
}

function formatReflected(message: ReflectMessage): string {
  if (message.desc.typeName === TimestampSchema.typeName) {
    return JSON.stringify(toJson(TimestampSchema, message.message as Timestamp));
  }
  return `{${message.fields.map((field) => `"${field.name}":${formatField(message, field)}`).join(",")}}`;
}

function formatField(message: ReflectMessage, field: DescField): string {
  switch (field.fieldKind) {
    case "message":
      return message.isSet(field) ? formatReflected(message.get(field)) : "null";
    case "list":
      return `[${[...message.get(field)].map(formatItem).join(",")}]`;
    case "map": {
      const entries = [...message.get(field)].map(
        ([key, value]) => `${JSON.stringify(String(key))}:${formatItem(value)}`,
      );
      return `{${entries.join(",")}}`;
    }
    case "enum":
      return JSON.stringify(field.enum.value[message.get(field)]?.name ?? message.get(field));
    case "scalar": {
      if (field.presence !== FeatureSet_FieldPresence.IMPLICIT && !message.isSet(field)) return "null";
      const value: unknown = message.get(field);
      return isJsonText(field) && typeof value === "string" ? jsonText(value) : formatItem(value);
    }
  }
}

function formatItem(value: unknown): string {
  if (typeof value === "object" && value !== null && "desc" in value) return formatReflected(value as ReflectMessage);
  return JSON.stringify(value);
}

function isJsonText(field: DescField): boolean {
  return hasOption(field, fieldOption) && getOption(field, fieldOption).jsonText;
}

/** Raw when it is JSON indeed, so that a broken server cannot break the text around it; empty is null. */
function jsonText(text: string): string {
  if (text === "") return "null";
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
