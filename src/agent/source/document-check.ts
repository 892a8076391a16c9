import { parseDocument } from "../../bundle/parse-document.js";
import { canonicalContent, contentText } from "../../bundle/policy-hash.js";
import type { TrustIdentity } from "../../bundle/trust/trust-state.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import { VerificationError } from "../../bundle/verification-error.js";
import { sha256Hex } from "../../sdk/runtime/node/node-verifier.js";

/** A format-1 document that is the activation's. */
export interface CheckedDocument {
  readonly bytes: Buffer;
  /** The bytes of its member `policies`. */
  readonly policies: Buffer;
}

/** The facts that a document must agree with. */
export interface DocumentFacts {
  readonly identity: TrustIdentity;
  readonly bundleId: string;
  /** SHA-256 of the document's bytes, in hex. */
  readonly documentDigest: string;
  /** The verified content. */
  readonly content: Buffer;
}

/**
 * Checks a document against a verified activation: its digest, whose it is, and that its policies are the content's. The last matters at
 * level 2: authors release the content, and the digest of the document is the server's word alone.
 *
 * @throws TrustError `digest_mismatch` for other bytes; `mix_and_match` for a document that is signed and has something else in it
 */
export function checkDocument(bytes: Buffer, facts: DocumentFacts): CheckedDocument {
  if (sha256Hex(bytes) !== facts.documentDigest) {
    throw new TrustError("digest_mismatch", "the document is not the one of the activation");
  }
  const { document, policiesText, scopePoliciesText } = parsed(bytes);
  const { orgId, projectId, environment } = facts.identity;
  const isOurs = document.org_id === orgId && document.project_id === projectId && document.environment === environment;
  if (!isOurs || document.bundle_id !== facts.bundleId) {
    throw new TrustError("mix_and_match", "the activation's document names another bundle");
  }
  if (!Buffer.from(contentText(canonicalContent(policiesText, scopePoliciesText, () => ""))).equals(facts.content)) {
    throw new TrustError("mix_and_match", "the activation's document has other policies than its content");
  }
  return { bytes, policies: Buffer.from(policiesText) };
}

function parsed(bytes: Buffer) {
  try {
    return parseDocument(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    if (!(cause instanceof VerificationError || cause instanceof TypeError)) throw cause;
    throw new TrustError("mix_and_match", "the activation's document is not one of format 1", { cause });
  }
}
