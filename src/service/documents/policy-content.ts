import { createHash } from "node:crypto";
import { parseOpaPolicies } from "../../bundle/opa/opa-policies.js";
import { canonicalContent, type CanonicalContent } from "../../bundle/policy-hash.js";
import { formatScopePolicies, readScopePolicies, rewriteScopePolicies } from "../../bundle/scope-policies.js";
import { servedText } from "../../bundle/served-text.js";
import { scanStrictJson, type JsonKind, type StrictJson } from "../../bundle/strict-json.js";
import { type Content, JSON_POLICIES, type MediaType, OPA_POLICIES } from "../../core/bundle.js";
import { invalidField } from "../../core/error.js";
import { yamlOrProblem } from "../../yaml/yaml-or-problem.js";

/** A policy document as it is kept, with the canonical texts that are hashed and signed. */
export interface PolicyContent {
  readonly content: Content;
  readonly canonical: CanonicalContent;
}

/**
 * Reads the two JSON texts of a publish. Both must be objects that lose nothing when they are parsed
 * (bundle-format.md). Throws `invalid` with the path of what is refused, and for a signed bundle document. Policies of kind OPA are checked
 * as parseOpaPolicies does, and have no scope policies: OPA would not see them.
 */
export function readPolicyContent(
  policies: string,
  scopePolicies: string | null,
  mediaType: MediaType = JSON_POLICIES,
): PolicyContent {
  const scoped = readScopePolicies(scopePolicies ?? "{}");
  refuseSigned(policies, requireKind("policies", policies, "object"));
  if (mediaType === OPA_POLICIES) {
    if (scoped.size > 0)
      throw invalidField(["scope_policies"], "must be empty: policies of kind OPA have none", "media_type");
    parseOpaPolicies(policies, { readYaml: yamlOrProblem });
  }
  return contentOf(policies, formatScopePolicies(scoped));
}

/** The content as it is after promotion from one environment to another: the scope policies that name the source name the target. */
export function promoteContent(content: Content, fromEnvironment: string, toEnvironment: string): PolicyContent {
  const scoped = readScopePolicies(content.scopePolicies);
  return contentOf(content.policies, formatScopePolicies(rewriteScopePolicies(scoped, fromEnvironment, toEnvironment)));
}

/** A JSON text that must be a string: what the string holds. Throws `invalid`. */
export function readJsonString(field: string, text: string): string {
  requireKind(field, text, "string");
  return JSON.parse(text) as string;
}

/** The texts are strict JSON. */
function contentOf(policiesText: string, scopePoliciesText: string): PolicyContent {
  const policies = servedText(policiesText);
  const scopePolicies = servedText(scopePoliciesText);
  const id = sha256Hex(`${policies}\n${scopePolicies}`);
  return {
    content: { id, policies, scopePolicies },
    canonical: canonicalContent(policies, scopePolicies, sha256Hex),
  };
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function requireKind(field: string, text: string, kind: JsonKind & ("object" | "string")): StrictJson {
  const scanned = scanStrictJson(text, { base: ["body", field] });
  if (scanned.kind === kind) return scanned;
  throw invalidField([field], kind === "object" ? "must be an object" : "must be a string", "type");
}

/** The keys that every signed bundle document has besides `version` (docs/bundle-format.md). */
const SIGNED_KEYS = ["bundle_id", "policies", "policy_hash", "signature"];

/** A signed bundle document is not a policy: signed again as one, it would be enforced by no runtime. */
function refuseSigned(policies: string, { spans }: StrictJson): void {
  const version = spans.get("version");
  if (version === undefined || policies.slice(version.start, version.end) !== "1") return;
  if (!SIGNED_KEYS.every((key) => spans.has(key))) return;
  const msg = "is a signed bundle document, not a policy: use import (signet import), or publish its policies";
  throw invalidField(["policies"], msg, "signed_document");
}
