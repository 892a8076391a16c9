import type { AppError } from "../../core/error.js";
import { WIRE_CODES } from "../admission/error-status.js";
import { BODY_LIMITS, shownError } from "../admission/shown-error.js";

/** An error as REST answers it. */
export interface ErrorAnswer {
  readonly status: number;
  /** The body, one line of JSON. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The one error body (api.md, "errors"). `detail` is the array of field errors when there are some, `{error, message}` when the
 * error has a reason, else the message. A 401 names the scheme that would do (RFC 9110, section 15.5.2).
 */
export function errorAnswer(error: AppError, requestId: string): ErrorAnswer {
  const { httpStatus, phrase } = WIRE_CODES[error.code];
  const shown = shownError(error, BODY_LIMITS);
  const headers: Record<string, string> = {};
  if (error.retryAfterSeconds !== undefined) headers["retry-after"] = String(error.retryAfterSeconds);
  if (httpStatus === 401) headers["www-authenticate"] = "Bearer";
  return {
    status: httpStatus,
    body: errorBody(httpStatus, phrase, shown.message, detailOf({ ...shown, reason: error.reason }), requestId),
    headers,
  };
}

/** 405 with `Allow` (RFC 9110, section 15.5.6). No service can answer it, so it has no AppErrorCode. */
export function methodNotAllowed(httpMethod: string, allow: readonly string[], requestId: string): ErrorAnswer {
  const message = `${httpMethod} is not allowed here: use ${allow.join(", ")}`;
  const body = errorBody(405, "Method Not Allowed", message, message, requestId);
  return { status: 405, body, headers: { allow: allow.join(", ") } };
}

/** What is refused before any service is asked, so that it has no AppErrorCode. */
export function plainError(status: number, phrase: string, message: string, requestId: string): ErrorAnswer {
  const body = errorBody(status, phrase, message, message, requestId);
  return { status, body, headers: { "content-type": "application/json" } };
}

function detailOf({ fields, reason, message }: Pick<AppError, "fields" | "reason" | "message">): unknown {
  if (fields.length > 0) return fields.map(({ loc, msg, type }) => ({ loc, msg, type }));
  return reason === undefined ? message : { error: reason, message };
}

function errorBody(status: number, phrase: string, message: string, detail: unknown, requestId: string): string {
  return JSON.stringify({ detail, error: phrase, message, code: status, status, requestId });
}
