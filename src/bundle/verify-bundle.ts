import { decodeBase64 } from "./base64.js";
import { canonicalText } from "./canonical-json.js";
import { identityOf, signatureMessage, signatureV2Message, type BundleDocument } from "./document.js";
import { nobleVerifier } from "./ed25519-noble.js";
import type { PublicKey } from "./keys.js";
import { parseDocument } from "./parse-document.js";
import { canonicalContent, type CanonicalContent } from "./policy-hash.js";
import type { Verifier } from "./signer.js";
import { checkVerifyArguments } from "./verify-arguments.js";
import { VerificationError } from "./verification-error.js";

/** The identity that a bundle must have; absent fields are not checked. */
export interface ExpectedIdentity {
  readonly orgId?: string;
  readonly projectId?: string;
  /** The environment's name. */
  readonly environment?: string;
}

/** How to verify a document. */
export interface VerifyOptions {
  /** Whether to refuse a document without `signature_v2`, whose identity is not signed; default true. */
  readonly requireSignatureV2?: boolean;
  /** The Ed25519 implementation; default: the portable one. */
  readonly verifier?: Verifier;
}

/** A document that verified. */
export interface VerifiedBundle {
  readonly document: BundleDocument;
  /** The key that signed. */
  readonly keyId: string;
  /** Whether a signature covers the identity too. */
  readonly identityIsSigned: boolean;
}

/**
 * Verifies a document in the order of format 1: strict JSON, format, hash, `signature`, `signature_v2`, and the expected identity.
 *
 * With a `key_id` only that key counts, otherwise any of `keys` may have signed; both signatures must be by the same key.
 *
 * @throws VerificationError whose `reason` names the first check that failed
 * @throws TypeError for invalid arguments, whatever the document
 */
export async function verifyDocument(
  text: string,
  keys: readonly PublicKey[],
  expected: ExpectedIdentity,
  options: VerifyOptions = {},
): Promise<VerifiedBundle> {
  checkVerifyArguments(text, keys, expected, options);
  const { document, policiesText, scopeText, scopePoliciesText } = parseDocument(text);
  const content = canonicalContent(policiesText, scopePoliciesText);
  if (content.policyHash !== document.policy_hash) {
    throw new VerificationError("hash", "policy_hash is not the hash of the content");
  }
  const verifier = options.verifier ?? nobleVerifier;
  const key = await verifyContentSignature(document, keys, verifier);
  const identityIsSigned = await verifyIdentitySignature(document, content, scopeText, key, verifier);
  if (!identityIsSigned && (options.requireSignatureV2 ?? true)) {
    throw new VerificationError("signature_v2_missing", "the document has no signature_v2");
  }
  checkIdentity(document, expected);
  return { document, keyId: key.keyId, identityIsSigned };
}

function candidateKeys(document: BundleDocument, keys: readonly PublicKey[]): readonly PublicKey[] {
  const candidates = document.key_id === undefined ? keys : keys.filter((key) => key.keyId === document.key_id);
  if (candidates.length > 0) return candidates;
  throw new VerificationError("unknown_key", `no trusted key for key_id ${document.key_id ?? "(none)"}`);
}

async function verifyContentSignature(
  document: BundleDocument,
  keys: readonly PublicKey[],
  verifier: Verifier,
): Promise<PublicKey> {
  if (document.signature === undefined)
    throw new VerificationError("signature_missing", "the document has no signature");
  const signature = decodeBase64(document.signature);
  const message = signatureMessage(document.policy_hash);
  for (const key of candidateKeys(document, keys)) {
    if (signature !== undefined && (await verifier.verify(key.bytes, message, signature))) return key;
  }
  throw new VerificationError("signature", "signature does not verify");
}

async function verifyIdentitySignature(
  document: BundleDocument,
  content: CanonicalContent,
  scopeText: string,
  key: PublicKey,
  verifier: Verifier,
): Promise<boolean> {
  if (document.signature_v2 === undefined) return false;
  const signature = decodeBase64(document.signature_v2);
  const message = signatureV2Message(identityOf(document), content, canonicalText(scopeText));
  if (signature !== undefined && (await verifier.verify(key.bytes, message, signature))) return true;
  throw new VerificationError("signature_v2", "signature_v2 does not verify");
}

function checkIdentity(document: BundleDocument, expected: ExpectedIdentity): void {
  const pairs = [
    ["org_id", document.org_id, expected.orgId],
    ["project_id", document.project_id, expected.projectId],
    ["environment", document.environment, expected.environment],
  ] as const;
  for (const [field, actual, wanted] of pairs) {
    if (wanted !== undefined && actual !== wanted) {
      throw new VerificationError("identity", `${field} is ${actual}, expected ${wanted}`);
    }
  }
}
