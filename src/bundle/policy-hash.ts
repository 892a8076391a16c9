import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { canonicalJson, type JsonObject } from "./canonical-json.js";

/** The canonical texts of a bundle's content, made once and spliced into all that is hashed and signed. */
export interface CanonicalContent {
  readonly policies: string;
  readonly scopePolicies: string;
}

/** Makes the canonical texts of a content. */
export function canonicalContent(policies: JsonObject, scopePolicies: JsonObject): CanonicalContent {
  return { policies: canonicalJson(policies), scopePolicies: canonicalJson(scopePolicies) };
}

/**
 * The policy hash: `sha256:` and the lower-case hex SHA-256 of the canonical JSON of `{"policies":…,"scope_policies":…}`.
 *
 * It covers the content alone, so it survives promotion unless the scope policies are rewritten.
 */
export function policyHash(policies: JsonObject, scopePolicies: JsonObject): string {
  return policyHashOf(canonicalContent(policies, scopePolicies));
}

/** {@link policyHash} of canonical texts. */
export function policyHashOf({ policies, scopePolicies }: CanonicalContent): string {
  const text = `{"policies":${policies},"scope_policies":${scopePolicies}}`;
  return `sha256:${bytesToHex(sha256(new TextEncoder().encode(text)))}`;
}
