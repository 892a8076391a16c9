import { TrustError } from "../../bundle/trust/trust-error.js";
import { AppError } from "../../core/error.js";
import { SignetError, VerificationError, type SignetErrorCode } from "../../sdk/index.js";
import { CheckFailedError, InputError, UsageError } from "./cli-error.js";

/** The exit codes, a stable interface for scripts; EXIT_CODE_HELP documents them. */
export const EXIT_CODES = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  forbidden: 3,
  notFound: 4,
  conflict: 5,
  invalid: 6,
  unavailable: 7,
  notVerified: 8,
  notApplied: 9,
  findings: 10,
  interrupted: 130,
} as const;

const BY_ERROR_CODE: Readonly<Record<SignetErrorCode, number>> = {
  malformed: EXIT_CODES.invalid,
  no_target: EXIT_CODES.conflict,
  unauthenticated: EXIT_CODES.forbidden,
  forbidden: EXIT_CODES.forbidden,
  not_found: EXIT_CODES.notFound,
  conflict: EXIT_CODES.conflict,
  precondition_failed: EXIT_CODES.conflict,
  too_large: EXIT_CODES.invalid,
  unsupported_media_type: EXIT_CODES.invalid,
  invalid: EXIT_CODES.invalid,
  quota_exceeded: EXIT_CODES.invalid,
  rate_limited: EXIT_CODES.unavailable,
  cancelled: EXIT_CODES.unavailable,
  unavailable: EXIT_CODES.unavailable,
  data_loss: EXIT_CODES.notVerified,
  signing_failed: EXIT_CODES.unexpected,
  internal: EXIT_CODES.unexpected,
  timeout: EXIT_CODES.unavailable,
  unimplemented: EXIT_CODES.unavailable,
};

/** The exit code for an error; `unexpected` for one of no known class. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT_CODES.usage;
  if (thrown instanceof InputError) return EXIT_CODES.invalid;
  if (thrown instanceof CheckFailedError || thrown instanceof VerificationError) return EXIT_CODES.notVerified;
  if (thrown instanceof TrustError) return EXIT_CODES.notVerified;
  if (isNotVerified(thrown)) return EXIT_CODES.notVerified;
  if (thrown instanceof SignetError || thrown instanceof AppError) return BY_ERROR_CODE[thrown.code];
  return EXIT_CODES.unexpected;
}

/** Whether the server refused what it was given because it does not verify. */
export function isNotVerified(thrown: unknown): thrown is SignetError {
  return thrown instanceof SignetError && NOT_VERIFIED.has(thrown.reason);
}

const NOT_VERIFIED: ReadonlySet<string> = new Set(["not_verified", "untrusted_origin"]);

/** The part of the program's help about exit codes. */
export const EXIT_CODE_HELP = `Exit codes:
  0    success
  1    unexpected: a defect, or an error of the server
  2    usage: the command line is wrong
  3    unauthenticated or forbidden: no token, an invalid one, or one without the right
  4    not found
  5    conflict: the state does not allow it, or --if-match names another sequence
  6    invalid input: an unusable file, refused values, or a quota
  7    unavailable: cannot connect, no Signet server there, no response in time, or too many requests
  8    not verified: a signature, hash or chain does not verify
  9    not applied: a live instance rejected what is active, or did not apply it in time
  10   findings: signet doctor has warnings or errors
  130  interrupted (SIGINT); 143 for SIGTERM
`;
