/**
 * Why a document was refused, in the order of the checks.
 *
 * - `malformed`: no strict JSON, or a field is missing or has the wrong type.
 * - `format`: `version` is not 1.
 * - `hash`: `policy_hash` is not that of the content.
 * - `signature_missing`: no `signature` over the hash.
 * - `unknown_key`: `key_id` names no trusted key, or no key is trusted.
 * - `signature`: the one over the hash is not good.
 * - `signature_v2_missing`, `signature_v2`: over content and identity; not there, not good.
 * - `identity`: a good bundle of another organization, project or environment.
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
