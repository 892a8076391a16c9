import { VerificationError } from "../verification-error.js";

/**
 * Why a runtime refuses an update (docs/trust.md). The list is closed: a code is part of the format.
 *
 * - `malformed`: not strict JSON, a field is missing or has the wrong type, or the attestation lacks what its lease names.
 * - `too_large`: an envelope above 64 KiB or 32 signatures, a content above the cap or longer than declared.
 * - `truncated`: a content shorter than declared.
 * - `wrong_type`: signed, but another kind of object.
 * - `wrong_identity`: of another organization, project or environment.
 * - `bad_signature`: fewer distinct keys of the role signed than its threshold.
 * - `bad_root`: a root that cannot be used: a key under another key's id, a threshold of 0 or above the number of keys.
 * - `root_version`: not the version after the last.
 * - `root_expired`: the newest root has run out.
 * - `root_withheld`: the lease names a root that the server does not serve.
 * - `lease_expired`: the lease has run out.
 * - `lease_older`: issued before the last lease.
 * - `clock`: the lease is from the future.
 * - `rolled_back`: a lower sequence than the last, or with `rollback: release` a release with a lower number.
 * - `equivocation`: another activation under the sequence of the last.
 * - `mix_and_match`: the activation is not the lease's, or the release is not the activation's.
 * - `digest_mismatch`: the content is not the activation's, or not the one that the release names for this environment.
 * - `release_missing`: the root asks for a release for this environment, and there is none.
 * - `release_expired`: the release has run out.
 * - `revoked`: the root revokes the content or the release.
 */
export const TRUST_CODES = [
  "malformed",
  "too_large",
  "truncated",
  "wrong_type",
  "wrong_identity",
  "bad_signature",
  "bad_root",
  "root_version",
  "root_expired",
  "root_withheld",
  "lease_expired",
  "lease_older",
  "clock",
  "rolled_back",
  "equivocation",
  "mix_and_match",
  "digest_mismatch",
  "release_missing",
  "release_expired",
  "revoked",
] as const;

/** One of {@link TRUST_CODES}. */
export type TrustCode = (typeof TRUST_CODES)[number];

/** An object that must not be trusted. Its message says what was wrong; it may hold texts that others wrote. */
export class TrustError extends Error {
  override readonly name = "TrustError";

  constructor(
    readonly code: TrustCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What `read` returns; a VerificationError, which the parsers of envelopes and payloads throw, becomes a TrustError `malformed`. */
export function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof VerificationError)) throw thrown;
    throw new TrustError("malformed", thrown.message, { cause: thrown });
  }
}
