/**
 * Why something of the log does not verify.
 *
 * - `malformed`: it is not what its format says.
 * - `wrong_origin`: it is of another log.
 * - `unknown_key`: no trusted key signed it.
 * - `bad_signature`: a trusted key is named, and its signature does not verify.
 * - `not_included`: the leaf is not in the tree.
 * - `inconsistent`: the newer tree does not begin with the older one.
 */
export type LogErrorCode =
  "malformed" | "wrong_origin" | "unknown_key" | "bad_signature" | "not_included" | "inconsistent";

/** A note, checkpoint or proof that does not verify. */
export class LogError extends Error {
  override readonly name = "LogError";

  constructor(
    readonly code: LogErrorCode,
    message: string,
  ) {
    super(message);
  }
}
