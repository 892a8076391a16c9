import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../gen/signet/v1/options_pb.js";
import type { AppErrorCode, FieldError } from "../core/error.js";

/**
 * What went wrong, as the server calls it, and two of the client's own: `timeout` (no answer in time, or a stream that fell silent)
 * and `unimplemented` (whoever answered is no Signet, or an older one).
 */
export type SignetErrorCode = AppErrorCode | "timeout" | "unimplemented";

/** The HTTP status that REST answers for each code; what only a client sees has the nearest one. */
export const HTTP_STATUS: Readonly<Record<SignetErrorCode, number>> = {
  malformed: 400,
  no_target: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  quota_exceeded: 422,
  rate_limited: 429,
  cancelled: 499,
  unavailable: 503,
  data_loss: 500,
  signing_failed: 500,
  internal: 500,
  timeout: 504,
  unimplemented: 501,
};

/** Errors that retrying does not resolve: the token, its rights, its environment or the request itself must change first. */
export const FINAL_ERRORS: ReadonlySet<SignetErrorCode> = new Set([
  "unauthenticated",
  "forbidden",
  "not_found",
  "invalid",
  "malformed",
  "too_large",
]);

/** For answers without a detail, or with a reason that is finer than a code (`runtime_key_exists`). */
const RPC_CODES: Readonly<Record<Code, SignetErrorCode>> = {
  [Code.Canceled]: "cancelled",
  [Code.Unknown]: "internal",
  [Code.InvalidArgument]: "invalid",
  [Code.DeadlineExceeded]: "timeout",
  [Code.NotFound]: "not_found",
  [Code.AlreadyExists]: "conflict",
  [Code.PermissionDenied]: "forbidden",
  [Code.ResourceExhausted]: "quota_exceeded",
  [Code.FailedPrecondition]: "precondition_failed",
  // A connection that was reset arrives as this one.
  [Code.Aborted]: "unavailable",
  [Code.OutOfRange]: "invalid",
  [Code.Unimplemented]: "unimplemented",
  [Code.Internal]: "internal",
  [Code.Unavailable]: "unavailable",
  [Code.DataLoss]: "internal",
  [Code.Unauthenticated]: "unauthenticated",
};

export interface SignetErrorDetails {
  readonly reason?: string;
  readonly fields?: readonly FieldError[];
  readonly requestId?: string;
  readonly retryAfterSeconds?: number;
  readonly isFromServer?: boolean;
  readonly cause?: unknown;
}

/** The one error that the client throws. */
export class SignetError extends Error {
  override readonly name = "SignetError";
  readonly httpStatus: number;
  /** The server's machine code; the same as `code` or finer. */
  readonly reason: string;
  /** Which fields were refused; only with `invalid`. */
  readonly fields: readonly FieldError[];
  /** As in the server's log; undefined when no server of ours answered. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** A Signet server said it: it told its details. False for what a proxy answered in its place, and for what happened on the way. */
  readonly isFromServer: boolean;

  constructor(
    readonly code: SignetErrorCode,
    message: string,
    details: SignetErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.httpStatus = HTTP_STATUS[code];
    this.reason = details.reason ?? code;
    this.fields = details.fields ?? [];
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.isFromServer = details.isFromServer ?? false;
  }
}

/** An error of a cause chain; Node's have a code. */
export type Cause = Error & { readonly code?: unknown };

/** An error and its chain of causes, outermost first; empty for anything that is not an Error. */
export function causesOf(thrown: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  for (let at = thrown; at instanceof Error && !causes.includes(at); at = at.cause) causes.push(at);
  return causes;
}

/** Anything that a transport threw, as a SignetError; one that is a SignetError already is returned as it is. */
export function toSignetError(thrown: unknown): SignetError {
  if (thrown instanceof SignetError) return thrown;
  const error = ConnectError.from(thrown);
  const [detail] = error.findDetails(ErrorDetailSchema);
  const reason = detail?.reason ?? "";
  const code = isCode(reason) ? reason : isConnectionFailure(error) ? "unavailable" : RPC_CODES[error.code];
  const message = code === "unimplemented" ? `no Signet answers there: ${error.rawMessage}` : error.rawMessage.trim();
  return new SignetError(code, message, {
    cause: thrown,
    isFromServer: detail !== undefined,
    ...(reason === "" ? {} : { reason }),
    ...(detail === undefined ? {} : { fields: detail.fields.map(({ loc, msg, type }) => ({ loc, msg, type })) }),
    ...(detail === undefined || detail.requestId === "" ? {} : { requestId: detail.requestId }),
    ...retryAfter(error.metadata.get("Retry-After")),
  });
}

/** Node's own errors, of TLS for example, arrive as `internal`; no server of ours has said so. */
function isConnectionFailure({ code, cause }: ConnectError): boolean {
  return code === Code.Internal && cause instanceof Error && "code" in cause && typeof cause.code === "string";
}

function isCode(reason: string): reason is SignetErrorCode {
  return Object.hasOwn(HTTP_STATUS, reason);
}

function retryAfter(header: string | null): { retryAfterSeconds?: number } {
  return header !== null && /^\d{1,6}$/.test(header) ? { retryAfterSeconds: Number(header) } : {};
}
