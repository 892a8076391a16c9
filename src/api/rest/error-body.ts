import type { AppError } from "../../core/error.js";
import { WIRE_CODES } from "../errors.js";

/** The one error body, which clients of all three systems understand (api.md, "errors"). */
export interface ErrorBody {
  readonly detail: unknown;
  readonly error: string;
  readonly message: string;
  readonly code: number;
  readonly status: number;
  readonly requestId: string;
}

/** An error as REST answers it. `detail` is the list of fields, or the machine code with the message, or the message. */
export function errorBody(error: AppError, requestId: string): ErrorBody {
  const { httpStatus, phrase } = WIRE_CODES[error.code];
  return {
    detail: detailOf(error),
    error: phrase,
    message: error.message,
    code: httpStatus,
    status: httpStatus,
    requestId,
  };
}

/** The same for what only HTTP knows: a path that nobody serves, a method that it does not take. */
export function plainErrorBody(status: number, phrase: string, message: string, requestId: string): ErrorBody {
  return { detail: message, error: phrase, message, code: status, status, requestId };
}

/** The headers that go with an error. */
export function errorHeaders(error: AppError): Record<string, string> {
  return {
    ...(error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) }),
    ...(error.code === "unauthenticated" ? { "www-authenticate": "Bearer" } : {}),
  };
}

function detailOf({ fields, reason, message }: AppError): unknown {
  if (fields.length > 0) return fields.map(({ loc, msg, type }) => ({ loc, msg, type }));
  return reason === undefined ? message : { error: reason, message };
}
