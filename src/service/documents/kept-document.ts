import { createHash, createPublicKey, verify } from "node:crypto";
import { canonicalText } from "../../bundle/canonical-json.js";
import { decodeBase64 } from "../../bundle/base64.js";
import { identityOf, signatureMessage, signatureV2Message } from "../../bundle/document.js";
import { formatPublicKey } from "../../bundle/keys.js";
import { parseDocument } from "../../bundle/parse-document.js";
import { canonicalContent, contentSize, contentText } from "../../bundle/policy-hash.js";
import { MAX_POLICY_LEVELS, scanStrictJson } from "../../bundle/strict-json.js";

/** What is attested of a document. */
export interface DocumentDigests {
  /** Of the document's bytes, 64 hex digits. */
  readonly documentSha256: string;
  /** Bytes of the content that its policy hash names. */
  readonly contentSize: number;
}

/**
 * Verifies a document that is kept: as verifyDocument with one key, in one go, so that a thread can do it; both signatures must be there.
 * Returns its digests, or why it is not what was signed.
 *
 * @param publicKey 32 bytes
 */
export function verifyKeptDocument(text: string, publicKey: Uint8Array): DocumentDigests | string {
  try {
    const { document, policiesText, scopeText, scopePoliciesText } = parseDocument(text);
    const content = canonicalContent(policiesText, scopePoliciesText, sha256Hex);
    if (content.policyHash !== document.policy_hash) return "its content does not match its hash";
    const key = createPublicKey(formatPublicKey(publicKey));
    const isSigned = (message: Uint8Array, signature: string | undefined) => {
      const bytes = decodeBase64(signature ?? "");
      return bytes !== undefined && verify(null, message, key, bytes);
    };
    if (!isSigned(signatureMessage(document.policy_hash), document.signature)) return "its signature does not verify";
    const message = signatureV2Message(identityOf(document), content, canonicalText(scopeText));
    if (!isSigned(message, document.signature_v2)) return "its signature_v2 does not verify";
    return { documentSha256: sha256Hex(text), contentSize: contentSize(content) };
  } catch (thrown) {
    return `it cannot be read: ${thrown instanceof Error ? thrown.message : "unknown error"}`;
  }
}

/**
 * The content of a document that was verified: the text that its policy hash names. In one go, so that a thread can do it. Throws `invalid`
 * for a text that is no JSON.
 */
export function contentOfDocument(text: string): string {
  const { spans } = scanStrictJson(text, { maxDepth: MAX_POLICY_LEVELS + 1, base: ["document"] });
  const canonical = (name: string) => canonicalText(text.slice(spans.get(name)?.start, spans.get(name)?.end));
  return contentText({ policies: canonical("policies"), scopePolicies: canonical("scope_policies") });
}

/** The policies of a document by themselves. */
export interface PoliciesOfDocument {
  /** A JSON object, byte for byte as in the document. */
  readonly text: string;
  /** Whether they have what flagd reads: a member `flags` that is an object or a list. Without it flagd takes them for no flags at all. */
  readonly isFlagSet: boolean;
}

/** The policies of a document that was verified, as `contentOfDocument`. */
export function policiesOfDocument(document: string): PoliciesOfDocument {
  const bounds = { maxDepth: MAX_POLICY_LEVELS + 1, base: ["document"] };
  const policies = scanStrictJson(document, bounds).spans.get("policies");
  const text = document.slice(policies?.start, policies?.end);
  const flags = scanStrictJson(text, bounds).spans.get("flags");
  return { text, isFlagSet: flags !== undefined && "{[".includes(text.charAt(flags.start)) };
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
