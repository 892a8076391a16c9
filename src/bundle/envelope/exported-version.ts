import { formatDocument, identityOf, type BundleDocument } from "../document.js";
import { parseEnvelope, signersOf } from "./dsse.js";
import type { PublicKey } from "../keys.js";
import type { ParsedDocument } from "../parse-document.js";
import { MAX_PROVENANCE_LENGTH, parseProvenance, PROVENANCE_TYPE, type Provenance } from "./provenance.js";
import type { Verifier } from "../signer.js";
import { VerificationError } from "../verification-error.js";

/** Bounds the work on an envelope that no trusted key signed. A server signs once. */
const MAX_SIGNATURES = 4;

/** A provenance that verified. */
export interface VerifiedProvenance {
  readonly provenance: Provenance;
  /** The trusted key that signed it. */
  readonly signer: PublicKey;
}

/**
 * Verifies the envelope of a provenance by trusted keys, and only then parses it.
 *
 * @throws VerificationError `malformed`, or `unknown_key` when no trusted key signed it
 */
export async function verifyProvenance(
  envelope: string,
  trusted: readonly PublicKey[],
  verifier: Verifier,
): Promise<VerifiedProvenance> {
  const parsed = parseEnvelope(envelope, { maxLength: MAX_PROVENANCE_LENGTH, maxSignatures: MAX_SIGNATURES });
  const [signer] = await signersOf(parsed, PROVENANCE_TYPE, trusted, verifier);
  if (signer === undefined) {
    const named = parsed.signatures.map(({ keyid }) => (/^[0-9a-f]{16}/.test(keyid) ? keyid.slice(0, 16) : "(none)"));
    const message = `no trusted key signed the provenance; it names ${named.slice(0, 3).join(", ") || "no key"}`;
    throw new VerificationError("unknown_key", message);
  }
  return { provenance: parseProvenance(parsed.payload), signer };
}

/**
 * Checks that a document is the one that a verified provenance describes: its identity, and its form, from which its bytes can be made
 * again (formatDocument). Neither the hash of its bytes nor a signature is checked.
 *
 * @param text of the parsed document
 * @throws VerificationError `identity` or `malformed`
 */
export function requireExported(text: string, parsed: ParsedDocument, provenance: Provenance): void {
  const { document, policiesText, scopePoliciesText } = parsed;
  const { bundle, environment, organization, project } = provenance;
  const pairs = [
    ["bundle_id", document.bundle_id, bundle.id],
    ["org_id", document.org_id, organization.id],
    ["project_id", document.project_id, project.id],
    ["environment", document.environment, environment.name],
    ["policy_hash", document.policy_hash, bundle.policyHash],
    ["bundle_version", document.bundle_version, bundle.version],
    ["key_id", document.key_id, provenance.document.key.keyId],
  ] as const;
  for (const [field, actual, wanted] of pairs) {
    if (actual === wanted) continue;
    throw new VerificationError("identity", `${field} is not the provenance's ${wanted}`);
  }
  if (formatDocument({ ...partsOf(document), policiesText, scopePoliciesText }) !== text) {
    throw new VerificationError("malformed", "the document is not in the form in which Signet serves documents");
  }
}

/** The parts of a document but its content. Both signatures, the number and the key id must be there. */
export function partsOf(document: BundleDocument) {
  const { policy_hash, signature = "", signature_v2 = "", bundle_version = 0, key_id = "" } = document;
  return {
    identity: identityOf(document),
    policyHash: policy_hash,
    signature,
    signatureV2: signature_v2,
    bundleVersion: bundle_version,
    keyId: key_id,
  };
}
