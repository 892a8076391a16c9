/**
 * Why a document was refused, in the order of the checks.
 *
 * - `malformed`: not strict JSON, or a field is missing or has the wrong type.
 * - `format`: `version` is not 1.
 * - `hash`: `policy_hash` is not the hash of the content.
 * - `signature_missing`: no `signature` over the hash.
 * - `unknown_key`: `key_id` names no trusted key, or no key is trusted.
 * - `signature`: the signature over the hash does not verify.
 * - `signature_v2_missing`, `signature_v2`: the signature over content and identity is missing, or does not verify.
 * - `identity`: a valid bundle of another organization, project or environment.
 */
export type VerificationReason =
  | "malformed"
  | "format"
  | "hash"
  | "signature_missing"
  | "unknown_key"
  | "signature"
  | "signature_v2_missing"
  | "signature_v2"
  | "identity";

/** A document that must not be applied. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";

  constructor(
    readonly reason: VerificationReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
