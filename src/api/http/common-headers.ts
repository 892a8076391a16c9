import type { RateState } from "../admission/admission.js";
import type { NodeResponse } from "./node-http.js";

/** The headers of every answer, errors too (api.md, "request id"): name, value, name, value …. */
export function commonHeaders(requestId: string): string[] {
  return ["X-Request-Id", requestId, "X-Content-Type-Options", "nosniff"];
}

/** The headers of every answer that was counted against a rate limit, refusals too (api.md, "rate limit"). */
export function rateHeaders({ limit, remaining, resetSeconds }: RateState): string[] {
  return [
    ...["X-RateLimit-Limit", String(limit), "X-RateLimit-Remaining", String(remaining)],
    ...["X-RateLimit-Reset", String(resetSeconds)],
  ];
}

/** Sets headers that come as names and values in turn; before the head is written. */
export function setHeaders(res: NodeResponse, headers: readonly string[]): void {
  for (let at = 0; at + 1 < headers.length; at += 2) res.setHeader(headers[at] ?? "", headers[at + 1] ?? "");
}
