import type { RateState } from "../admission/admission.js";
import { endWith, type NodeRequest, type NodeResponse } from "./node-http.js";
import type { ErrorAnswer } from "./error-body.js";

/**
 * Answers with JSON, or without a body: `undefined`, 204 and 304 (RFC 9110, sections 15.3.5 and 15.4.5). HEAD gets the headers that
 * GET would have. Nothing is kept by caches unless the headers say so: X-API-Key is no header that they know to respect.
 * Returns the bytes of the body that is to be sent.
 */
export function answerJson(
  req: NodeRequest,
  res: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  json: string | undefined,
): number {
  if (json !== undefined && status !== 204 && status !== 304)
    return answerBytes(req, res, status, { "content-type": "application/json", ...headers }, Buffer.from(json));
  if (!isGone(res)) endWith(res, status, { "cache-control": "no-store", ...headers });
  return 0;
}

/** As answerJson, with a body as it is, of the media type that the headers say. */
export function answerBytes(
  req: NodeRequest,
  res: NodeResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): number {
  if (isGone(res)) return 0;
  const all: Record<string, string> = { "cache-control": "no-store", ...headers };
  all["content-length"] = String(body.byteLength);
  if (req.method === "HEAD") {
    endWith(res, status, all);
    return 0;
  }
  endWith(res, status, all, body);
  return body.byteLength;
}

/** Answers an error; when the head is out already there is no way to tell it but to cut the connection. */
export function answerError(req: NodeRequest, res: NodeResponse, error: ErrorAnswer): void {
  if (res.headersSent) res.destroy();
  else answerJson(req, res, error.status, error.headers, error.body);
}

/** Whether the client has disconnected, so that no answer can be sent any more. */
export function isGone(res: NodeResponse): boolean {
  // An HTTP/2 response of Node's compatibility API has no `destroyed` of its own.
  return "stream" in res ? res.stream.destroyed : res.destroyed;
}

/** The headers of every answer, errors too (api.md, "request id"): name, value, name, value …. */
export function commonHeaders(requestId: string): string[] {
  return ["X-Request-Id", requestId, "X-Content-Type-Options", "nosniff"];
}

/** The headers of every answer that was counted against a rate limit, refusals too (api.md, "rate limit"). */
export function rateHeaders({ limit, remaining, resetSeconds }: RateState): string[] {
  const headers = ["X-RateLimit-Limit", String(limit), "X-RateLimit-Remaining", String(remaining)];
  headers.push("X-RateLimit-Reset", String(resetSeconds));
  return headers;
}

/** Sets headers that come as names and values in turn; before the head is written. */
export function setHeaders(res: NodeResponse, headers: readonly string[]): void {
  for (let at = 0; at + 1 < headers.length; at += 2) res.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
}
