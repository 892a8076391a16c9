import { randomUUID } from "node:crypto";
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";

/** A refusal, as Signet says it (docs/api.md, "Errors"), so that SDKs read it as the server's. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly status: number,
    /** Finer than the status; null for none. */
    readonly reason: string | null,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** 503: what is asked for is not there now. */
export function notNow(reason: string, message: string, retryAfterSeconds = 1): Refusal {
  return new Refusal(503, reason, message, { "Retry-After": String(retryAfterSeconds) });
}

/** The one error body. */
export function refusalBody({ status, reason, message }: Refusal): string {
  const error = STATUS_CODES[status] ?? "";
  const detail = reason === null ? message : { error: reason, message };
  return JSON.stringify({ detail, error, message, code: status, status, requestId: randomUUID() });
}

/** Answers whole. HEAD gets the headers alone, as do 204 and 304. */
export function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: Uint8Array | string | null,
): void {
  if (response.destroyed || response.headersSent) return;
  const all: Record<string, string | number> = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...headers,
  };
  if (body === null || status === 204 || status === 304) {
    response.writeHead(status, all);
    response.end();
    return;
  }
  all["Content-Length"] = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  response.writeHead(status, all);
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Answers JSON. */
export function answerJson(request: IncomingMessage, response: ServerResponse, status: number, value: unknown): void {
  answer(request, response, status, { "Content-Type": "application/json" }, JSON.stringify(value));
}

/** Answers a refusal; cuts the connection where an answer has begun. */
export function answerRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers = { "Content-Type": "application/json", ...refusal.headers };
  answer(request, response, refusal.status, headers, refusalBody(refusal));
}
