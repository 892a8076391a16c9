import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../gen/signet/v1/options_pb.js";
import type { AppErrorCode, FieldError } from "../core/error.js";

/**
 * The server's error codes, and two of the client: `timeout` (no response in time, or a silent stream) and `unimplemented` (the peer is
 * not a Signet server, or an older one).
 */
export type SignetErrorCode = AppErrorCode | "timeout" | "unimplemented";

/** The HTTP status of each code in REST; the closest one for codes of the client. */
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

/** For responses without details, or with a reason that is finer than a code (`runtime_key_exists`). */
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
  // Also the code of a connection that was reset.
  [Code.Aborted]: "unavailable",
  [Code.OutOfRange]: "invalid",
  [Code.Unimplemented]: "unimplemented",
  [Code.Internal]: "internal",
  [Code.Unavailable]: "unavailable",
  [Code.DataLoss]: "internal",
  [Code.Unauthenticated]: "unauthenticated",
};

/** The optional parts of a SignetError; see its properties. */
export interface SignetErrorDetails {
  readonly reason?: string;
  readonly fields?: readonly FieldError[];
  readonly requestId?: string;
  readonly retryAfterSeconds?: number;
  readonly isFromServer?: boolean;
  readonly cause?: unknown;
}

/** The only error class that clients throw. */
export class SignetError extends Error {
  override readonly name = "SignetError";
  readonly httpStatus: number;
  /** The server's machine code: `code`, or a finer one. */
  readonly reason: string;
  /** The refused fields; only with `invalid`. */
  readonly fields: readonly FieldError[];
  /** As in the server's log; undefined if no Signet server responded. */
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Whether a Signet server sent it. False for responses of a proxy and for connection errors. */
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
  const message = code === "unimplemented" ? `not a Signet server: ${error.rawMessage}` : error.rawMessage.trim();
  return new SignetError(code, message, {
    cause: thrown,
    isFromServer: detail !== undefined,
    ...(reason === "" ? {} : { reason }),
    ...(detail === undefined ? {} : { fields: detail.fields.map(({ loc, msg, type }) => ({ loc, msg, type })) }),
    ...(detail === undefined || detail.requestId === "" ? {} : { requestId: detail.requestId }),
    ...retryAfter(error.metadata.get("Retry-After")),
  });
}

/** Errors of Node, for example of TLS, arrive as `internal` with a cause that has a code. */
function isConnectionFailure({ code, cause }: ConnectError): boolean {
  return code === Code.Internal && cause instanceof Error && "code" in cause && typeof cause.code === "string";
}

function isCode(reason: string): reason is SignetErrorCode {
  return Object.hasOwn(HTTP_STATUS, reason);
}

function retryAfter(header: string | null): { retryAfterSeconds?: number } {
  return header !== null && /^\d{1,6}$/.test(header) ? { retryAfterSeconds: Number(header) } : {};
}
