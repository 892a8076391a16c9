import type { AppError, AppErrorCode } from "../../core/error.js";
import { WIRE_CODES } from "../errors.js";
import { endWith, type NodeRequest, type NodeResponse } from "./node-http.js";

/** Answers with JSON. A HEAD request gets the headers alone. */
export function answerJson(
  req: NodeRequest,
  res: NodeResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = Buffer.from(JSON.stringify(value));
  const all = {
    ...headers,
    "content-type": "application/json",
    "content-length": String(body.byteLength),
    "cache-control": "no-store",
  };
  endWith(res, status, all, req.method === "HEAD" ? undefined : body);
}

/** An error as plain HTTP says it. 405 has no AppErrorCode of its own. */
export interface PlainError {
  readonly status: number;
  readonly phrase: string;
  readonly code: AppErrorCode;
  readonly message: string;
}

/** An AppError as HTTP alone says it. */
export function plainError(error: AppError): PlainError {
  const { httpStatus, phrase } = WIRE_CODES[error.code];
  return { status: httpStatus, phrase, code: error.code, message: error.message };
}

/** Answers with the error body that REST clients know (api.md, "errors"), for what is refused before REST is asked. */
export function answerError(
  req: NodeRequest,
  res: NodeResponse,
  error: PlainError,
  requestId: string,
  headers: Record<string, string> = {},
): void {
  const { status, phrase, code, message } = error;
  const body = { detail: { error: code, message }, error: phrase, message, code: status, status, requestId };
  answerJson(req, res, status, body, headers);
}

/** Answers 405 with `Allow`. */
export function answerMethodNotAllowed(req: NodeRequest, res: NodeResponse, allow: string, requestId: string): void {
  const message = `${req.method ?? "this method"} is not allowed here: use ${allow}`;
  const error: PlainError = { status: 405, phrase: "Method Not Allowed", code: "malformed", message };
  answerError(req, res, error, requestId, { allow });
}
