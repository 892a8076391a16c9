import { createRegistry, type Message } from "@bufbuild/protobuf";
import { file_signet_v1_artifact } from "../../gen/signet/v1/artifact_pb.js";
import { file_signet_v1_audit } from "../../gen/signet/v1/audit_pb.js";
import { file_signet_v1_backup } from "../../gen/signet/v1/backup_pb.js";
import { file_signet_v1_bundle } from "../../gen/signet/v1/bundle_pb.js";
import { file_signet_v1_key } from "../../gen/signet/v1/key_pb.js";
import { file_signet_v1_opa } from "../../gen/signet/v1/opa_pb.js";
import { file_signet_v1_organization } from "../../gen/signet/v1/organization_pb.js";
import { file_signet_v1_pipeline } from "../../gen/signet/v1/pipeline_pb.js";
import { file_signet_v1_runtime } from "../../gen/signet/v1/runtime_pb.js";
import { file_signet_v1_system } from "../../gen/signet/v1/system_pb.js";
import { file_signet_v1_token } from "../../gen/signet/v1/token_pb.js";
import { file_signet_v1_transfer } from "../../gen/signet/v1/transfer_pb.js";
import { file_signet_v1_trust } from "../../gen/signet/v1/trust_pb.js";
import { file_signet_v1_watch } from "../../gen/signet/v1/watch_pb.js";
import { file_signet_v1_webhook } from "../../gen/signet/v1/webhook_pb.js";
import { writeMessage } from "./write.js";

// Without the mark a bundler keeps every message, also for a browser that formats none.
const MESSAGES = /* @__PURE__ */ createRegistry(
  file_signet_v1_artifact,
  file_signet_v1_audit,
  file_signet_v1_backup,
  file_signet_v1_bundle,
  file_signet_v1_key,
  file_signet_v1_opa,
  file_signet_v1_organization,
  file_signet_v1_pipeline,
  file_signet_v1_runtime,
  file_signet_v1_system,
  file_signet_v1_token,
  file_signet_v1_transfer,
  file_signet_v1_trust,
  file_signet_v1_watch,
  file_signet_v1_webhook,
);

/**
 * An answer of the server as the JSON text that REST would have given: snake_case names, every field there, `null` for one that is
 * unset, documents as raw JSON with every digit as the server sent it. Throws a TypeError for a message that is not of signet.v1.
 */
export function formatMessage(message: Message): string {
  const schema = MESSAGES.getMessage(message.$typeName);
  if (schema === undefined) throw new TypeError(`${message.$typeName} is not a message of signet.v1`);
  return writeMessage(schema, message, checkedJson);
}

/** Several answers as one JSON array. */
export function formatMessages(messages: readonly Message[]): string {
  return `[${messages.map(formatMessage).join(",")}]`;
}

/** Raw when it is JSON indeed, so that a broken server cannot break the text around it. */
function checkedJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
