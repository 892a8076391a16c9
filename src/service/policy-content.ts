import { createHash } from "node:crypto";
import type { JsonObject } from "../bundle/canonical-json.js";
import { canonicalContent, type CanonicalContent } from "../bundle/policy-hash.js";
import { rewriteScopePolicies, validateScopePolicies, type ScopePolicies } from "../bundle/scope-policies.js";
import { scanStrictJson } from "../bundle/strict-json.js";
import type { Content } from "../core/bundle.js";
import { invalidField } from "../core/error.js";

/** A policy document as it is kept, with the canonical texts that are hashed and signed. */
export interface PolicyContent {
  readonly content: Content;
  readonly canonical: CanonicalContent;
}

/**
 * Reads the two JSON texts of a publish. `policies` must be there; both must be objects that lose nothing when they are parsed
 * (bundle-format.md). Throws `invalid` with the path of what is refused.
 */
export function readPolicyContent(policies: string | null, scopePolicies: string | null): PolicyContent {
  if (policies === null) throw invalidField(["policies"], "is required", "missing");
  const scoped: unknown = parseStrict("scope_policies", scopePolicies ?? "{}");
  validateScopePolicies(scoped);
  return contentOf(parseObject("policies", policies), scoped);
}

/** The content as it is after promotion from one environment to another: the scope policies that name the source name the target. */
export function promoteContent(content: Content, fromEnvironment: string, toEnvironment: string): PolicyContent {
  const policies = JSON.parse(content.policies) as JsonObject;
  const scoped = JSON.parse(content.scopePolicies) as ScopePolicies;
  return contentOf(policies, rewriteScopePolicies(scoped, fromEnvironment, toEnvironment));
}

/** A JSON text that must be a string: what the string holds. Throws `invalid`. */
export function readJsonString(field: string, text: string): string {
  const value = parseStrict(field, text);
  if (typeof value !== "string") throw invalidField([field], "must be a string", "type");
  return value;
}

function contentOf(policies: JsonObject, scopePolicies: ScopePolicies): PolicyContent {
  // What JSON.stringify prints is what is served, and the hash is of what is served.
  const texts = { policies: JSON.stringify(policies), scopePolicies: JSON.stringify(scopePolicies) };
  const id = sha256Hex(`${texts.policies}\n${texts.scopePolicies}`);
  return { content: { id, ...texts }, canonical: canonicalContent(policies, scopePolicies, sha256Hex) };
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function parseObject(field: string, text: string): JsonObject {
  const value: unknown = parseStrict(field, text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidField([field], "must be an object", "type");
  }
  return value as JsonObject;
}

function parseStrict(field: string, text: string): unknown {
  scanStrictJson(text, { base: ["body", field] });
  return JSON.parse(text);
}
