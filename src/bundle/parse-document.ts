import type { JsonObject, JsonValue } from "./canonical-json.js";
import { BUNDLE_FORMAT_VERSION, type BundleDocument } from "./document.js";
import { MAX_POLICY_LEVELS, scanStrictJson } from "./strict-json.js";
import { VerificationError } from "./verification-error.js";

const STRINGS = ["bundle_id", "org_id", "project_id", "environment", "published_at", "policy_hash"];
const OPTIONAL_STRINGS = ["signature", "signature_v2", "key_id"];
const OBJECTS = ["policies", "scope", "scope_policies"];

/**
 * Parses a served document and checks the types of its fields, but no hash and no signature.
 *
 * @throws VerificationError `malformed` or `format`
 */
export function parseDocument(text: string): BundleDocument {
  const document = parseStrictly(text);
  if (document["version"] !== BUNDLE_FORMAT_VERSION) {
    throw new VerificationError("format", `version must be ${BUNDLE_FORMAT_VERSION}`);
  }
  requireFields(STRINGS, "a string", (name) => typeof document[name] === "string");
  requireFields(
    OPTIONAL_STRINGS,
    "a string",
    (name) => document[name] === undefined || typeof document[name] === "string",
  );
  requireFields(OBJECTS, "an object", (name) => isObject(document[name]));
  return document as unknown as BundleDocument;
}

function parseStrictly(text: string): JsonObject {
  try {
    // The document itself is one level around the policies.
    const { kind } = scanStrictJson(text, { maxDepth: MAX_POLICY_LEVELS + 1, base: ["document"] });
    if (kind === "object") return JSON.parse(text) as JsonObject;
  } catch (cause) {
    throw new VerificationError("malformed", "the document is no strict JSON", { cause });
  }
  throw new VerificationError("malformed", "the document is no JSON object");
}

function requireFields(names: readonly string[], type: string, isGood: (name: string) => boolean): void {
  const bad = names.find((name) => !isGood(name));
  if (bad !== undefined) throw new VerificationError("malformed", `${bad} must be ${type}`);
}

function isObject(value: JsonValue | undefined): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
