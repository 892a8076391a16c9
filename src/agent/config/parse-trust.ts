import { parsePublicKey } from "../../bundle/keys.js";
import { ENVIRONMENT } from "../../bundle/trust/forms.js";
import { parseRoot, ROOT_TYPE, type Root } from "../../bundle/trust/root.js";
import { boundedEnvelope } from "../../bundle/trust/threshold.js";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import { isUuid } from "../../core/uuid.js";
import type { RuntimeTrust } from "../../sdk/runtime/runtime-options.js";
import type { ConfigFields } from "./config-fields.js";

/** Reads a file of the configuration as text; adds a problem and returns undefined where it cannot be read. */
export type ReadConfigFile = (fields: ConfigFields, name: string, path: string) => string | undefined;

/** The trust of an environment, and its identity. Undefined where a problem was added. */
export function parseTrust(
  fields: ConfigFields,
  inherited: ConfigFields,
  read: ReadConfigFile,
): { readonly trust: RuntimeTrust; readonly identity: TrustIdentity } | undefined {
  const environment = fields.text("name");
  if (environment === undefined) fields.refuse("name", "is required: the environment's name", "missing");
  else if (!ENVIRONMENT.test(environment)) fields.refuse("name", "is not a valid environment name", "format");
  const own = { root: fields.text("root"), keys: fields.text("keys") };
  const all = { root: inherited.text("root"), keys: inherited.text("keys") };
  const isOwn = own.root !== undefined || own.keys !== undefined;
  const { root, keys } = isOwn ? own : all;
  const source = isOwn ? fields : inherited;
  const org = idOf(fields, "org") ?? idOf(inherited, "org");
  const project = idOf(fields, "project") ?? idOf(inherited, "project");
  if ((root === undefined) === (keys === undefined)) {
    return fields.refuse(
      "root",
      "is required: the file of the root document; or keys: a file of public keys",
      "missing",
    );
  }
  if (root !== undefined) {
    const text = read(source, "root", root);
    const found = text === undefined ? undefined : rootOf(source, text);
    if (found === undefined || environment === undefined) return undefined;
    const isSame = (org ?? found.orgId) === found.orgId && (project ?? found.projectId) === found.projectId;
    if (!isSame) return fields.refuse("project", `the root document is of the project ${found.projectId}`, "mismatch");
    return {
      trust: { root: (text ?? "").trim() },
      identity: { orgId: found.orgId, projectId: found.projectId, environment },
    };
  }
  const text = read(source, "keys", keys ?? "");
  const pems = text?.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g) ?? [];
  if (text !== undefined && (pems.length === 0 || !pems.every(isKey))) {
    return source.refuse("keys", "must be the file of Ed25519 public keys (PEM): signet keys --pem", "content");
  }
  if (org === undefined || project === undefined) {
    return fields.refuse("project", "is required with keys, as is org: the UUIDs of signet whoami", "missing");
  }
  return text === undefined || environment === undefined
    ? undefined
    : { trust: { keys: pems }, identity: { orgId: org, projectId: project, environment } };
}

function idOf(fields: ConfigFields, name: string): string | undefined {
  const value = fields.text(name);
  if (value === undefined || isUuid(value)) return value;
  return fields.refuse(name, "must be a UUID: signet whoami shows it", "format");
}

/** A root document, parsed; its signatures are verified when it is used. */
function rootOf(fields: ConfigFields, text: string): Root | undefined {
  try {
    const { payloadType, payload } = boundedEnvelope(text.trim());
    if (payloadType === ROOT_TYPE) return parseRoot(payload);
    return fields.refuse("root", `is not a root document but ${payloadType}`, "content");
  } catch (thrown) {
    return fields.refuse("root", `is not a root document: ${(thrown as Error).message}`, "content");
  }
}

function isKey(pem: string): boolean {
  try {
    parsePublicKey(pem);
    return true;
  } catch {
    return false;
  }
}
