import type { JsonObject, JsonValue } from "./canonical-json.js";
import { BUNDLE_FORMAT_VERSION, type BundleDocument } from "./document.js";
import { MAX_POLICY_LEVELS, scanStrictJson } from "./strict-json.js";
import { VerificationError } from "./verification-error.js";

const STRINGS = ["bundle_id", "org_id", "project_id", "environment", "published_at", "policy_hash"];
const OPTIONAL_STRINGS = ["signature", "signature_v2", "key_id"];
const OBJECTS = ["policies", "scope", "scope_policies"];

/** A document, and the JSON texts of the fields whose numbers JSON.parse would change: it turns `1.0` into 1. */
export interface ParsedDocument {
  readonly document: BundleDocument;
  readonly policiesText: string;
  readonly scopeText: string;
  readonly scopePoliciesText: string;
}

/**
 * Parses a served document and checks the types of its fields, but no hash and no signature.
 *
 * @throws VerificationError `malformed` or `format`
 */
export function parseDocument(text: string): ParsedDocument {
  const { document, textOf } = parseStrictly(text);
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
  return {
    document: document as unknown as BundleDocument,
    policiesText: textOf("policies"),
    scopeText: textOf("scope"),
    scopePoliciesText: textOf("scope_policies"),
  };
}

function parseStrictly(text: string) {
  try {
    // The document itself is one level around the policies.
    const { kind, spans } = scanStrictJson(text, { maxDepth: MAX_POLICY_LEVELS + 1, base: ["document"] });
    const textOf = (name: string): string => text.slice(spans.get(name)?.start, spans.get(name)?.end);
    if (kind === "object") return { document: JSON.parse(text) as JsonObject, textOf };
  } catch (cause) {
    throw new VerificationError("malformed", "the document is not strict JSON", { cause });
  }
  throw new VerificationError("malformed", "the document is not a JSON object");
}

function requireFields(names: readonly string[], type: string, isValid: (name: string) => boolean): void {
  const invalid = names.find((name) => !isValid(name));
  if (invalid !== undefined) throw new VerificationError("malformed", `${invalid} must be ${type}`);
}

function isObject(value: JsonValue | undefined): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
