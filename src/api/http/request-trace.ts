import { NO_SPAN, type Span, type TraceContext, type Tracing } from "../../core/trace.js";
import { headerOf, type NodeRequest } from "./node-http.js";
import type { FinishedRequest } from "./request-observer.js";
import type { RequestReport } from "./request-outcome.js";

/** The step of the caller's trace (W3C Trace Context), or of a new one, that is this request. */
export function startRequestSpan(tracing: Tracing, req: NodeRequest, requestId: string): Span {
  if (!tracing.isOn) return NO_SPAN;
  return tracing.start({
    // The operation is not known yet.
    name: "request",
    kind: "server",
    parent: callerOf(req),
    attributes: { "http.request.method": req.method ?? "", "signet.request_id": requestId },
    startedMsAgo: 0,
  });
}

/** Names the step by its operation: never by its path. */
export function endRequestSpan(span: Span, { keyPrefix, error }: RequestReport, request: FinishedRequest): void {
  const { operationId, protocol, status } = request;
  if (operationId !== undefined) span.rename(operationId);
  span.set({
    "signet.protocol": protocol,
    "http.response.status_code": status,
    ...(keyPrefix === undefined ? {} : { "signet.key_prefix": keyPrefix }),
  });
  // What a caller did wrong is no failure of the server's step (OpenTelemetry's conventions for HTTP servers).
  if (status >= 500) span.fail(error?.code ?? String(status));
  span.end();
}

function callerOf(req: NodeRequest): TraceContext | null {
  const traceparent = headerOf(req, "traceparent");
  return traceparent === undefined ? null : { traceparent, tracestate: headerOf(req, "tracestate") ?? null };
}
