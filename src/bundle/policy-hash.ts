import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { canonicalText } from "./canonical-json.js";

/** The canonical texts of a bundle's content, computed once and inserted into everything that is hashed and signed. */
export interface CanonicalContent {
  readonly policies: string;
  readonly scopePolicies: string;
  /**
   * `sha256:` and the lower-case hex SHA-256 of the canonical JSON of `{"policies":…,"scope_policies":…}`. It covers
   * the content only, so promotion does not change it unless scope policies are rewritten.
   */
  readonly policyHash: string;
}

/** The digest in a policy hash: the 64 hex digits behind `sha256:`. */
export function contentDigest(policyHash: string): string {
  return policyHash.slice("sha256:".length);
}

/** Lower-case hex of the SHA-256 of a text's UTF-8 bytes. */
export type Sha256Hex = (text: string) => string;

/** The canonical form of two JSON texts. `sha256Hex` may be a faster implementation than the portable one. */
export function canonicalContent(
  policiesText: string,
  scopePoliciesText: string,
  sha256Hex: Sha256Hex = portableSha256Hex,
): CanonicalContent {
  const texts = { policies: canonicalText(policiesText), scopePolicies: canonicalText(scopePoliciesText) };
  return { ...texts, policyHash: `sha256:${sha256Hex(contentText(texts))}` };
}

/** The content of a bundle: the text, all ASCII, whose SHA-256 is its `policyHash`. */
export function contentText({ policies, scopePolicies }: Omit<CanonicalContent, "policyHash">): string {
  return `{"policies":${policies},"scope_policies":${scopePolicies}}`;
}

/** The bytes of the text, all ASCII, that the policy hash names. */
export function contentSize({ policies, scopePolicies }: Omit<CanonicalContent, "policyHash">): number {
  return '{"policies":,"scope_policies":}'.length + policies.length + scopePolicies.length;
}

function portableSha256Hex(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}
