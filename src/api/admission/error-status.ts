import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "../../../gen/signet/v1/options_pb.js";
import { AppError, type AppErrorCode } from "../../core/error.js";
import { shownError, TRAILER_LIMITS } from "./shown-error.js";

/** How an error code looks on the wire. */
export interface WireCode {
  readonly httpStatus: number;
  /** The reason phrase of the HTTP status. */
  readonly phrase: string;
  /** The code in gRPC, gRPC-Web and Connect. */
  readonly rpcCode: Code;
}

/** The one table from error codes to the wire. Exhaustive: a new code does not compile until it is here. */
export const WIRE_CODES: Readonly<Record<AppErrorCode, WireCode>> = {
  malformed: { httpStatus: 400, phrase: "Bad Request", rpcCode: Code.InvalidArgument },
  no_target: { httpStatus: 400, phrase: "Bad Request", rpcCode: Code.FailedPrecondition },
  unauthenticated: { httpStatus: 401, phrase: "Unauthorized", rpcCode: Code.Unauthenticated },
  forbidden: { httpStatus: 403, phrase: "Forbidden", rpcCode: Code.PermissionDenied },
  not_found: { httpStatus: 404, phrase: "Not Found", rpcCode: Code.NotFound },
  conflict: { httpStatus: 409, phrase: "Conflict", rpcCode: Code.AlreadyExists },
  precondition_failed: { httpStatus: 412, phrase: "Precondition Failed", rpcCode: Code.FailedPrecondition },
  too_large: { httpStatus: 413, phrase: "Content Too Large", rpcCode: Code.ResourceExhausted },
  unsupported_media_type: { httpStatus: 415, phrase: "Unsupported Media Type", rpcCode: Code.InvalidArgument },
  invalid: { httpStatus: 422, phrase: "Unprocessable Content", rpcCode: Code.InvalidArgument },
  quota_exceeded: { httpStatus: 422, phrase: "Unprocessable Content", rpcCode: Code.ResourceExhausted },
  rate_limited: { httpStatus: 429, phrase: "Too Many Requests", rpcCode: Code.ResourceExhausted },
  cancelled: { httpStatus: 499, phrase: "Client Closed Request", rpcCode: Code.Canceled },
  timeout: { httpStatus: 504, phrase: "Gateway Timeout", rpcCode: Code.DeadlineExceeded },
  unavailable: { httpStatus: 503, phrase: "Service Unavailable", rpcCode: Code.Unavailable },
  data_loss: { httpStatus: 500, phrase: "Internal Server Error", rpcCode: Code.DataLoss },
  signing_failed: { httpStatus: 500, phrase: "Internal Server Error", rpcCode: Code.Internal },
  internal: { httpStatus: 500, phrase: "Internal Server Error", rpcCode: Code.Internal },
};

/** The codes of the protocols' own errors, such as a broken frame or a body over the limit. */
const APP_CODES: Readonly<Partial<Record<Code, AppErrorCode>>> = {
  [Code.Canceled]: "cancelled",
  [Code.DeadlineExceeded]: "timeout",
  [Code.InvalidArgument]: "malformed",
  [Code.ResourceExhausted]: "too_large",
  [Code.Unavailable]: "unavailable",
  [Code.Aborted]: "cancelled",
};

/**
 * Any thrown value as an AppError. AppErrors, also as a ConnectError's cause, come through as they are. What is unknown becomes
 * `internal` with the original as cause, and nothing of its text.
 */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof ConnectError) {
    if (thrown.cause instanceof AppError) return thrown.cause;
    const code = APP_CODES[thrown.code];
    if (code !== undefined) return new AppError(code, thrown.rawMessage, { cause: thrown });
  }
  return new AppError("internal", "internal error", { cause: thrown });
}

/**
 * An AppError as gRPC, gRPC-Web and Connect send it: code, message, and a signet.v1.ErrorDetail, cut to the limit of trailers. The
 * AppError is its cause.
 */
export function toConnectError(error: AppError, requestId: string): ConnectError {
  const { message, fields } = shownError(error, TRAILER_LIMITS);
  const headers = new Headers();
  if (error.retryAfterSeconds !== undefined) headers.set("Retry-After", String(error.retryAfterSeconds));
  const detail = {
    desc: ErrorDetailSchema,
    value: create(ErrorDetailSchema, {
      reason: error.reason ?? error.code,
      fields: fields.map(({ loc, msg, type }) => ({ loc: [...loc], msg, type })),
      requestId,
    }),
  };
  return new ConnectError(message, WIRE_CODES[error.code].rpcCode, headers, [detail], error);
}
