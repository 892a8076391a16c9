import { Counter, Histogram, type Registry } from "prom-client";
import type { RequestObserver } from "../api/http/request-observer.js";
import type { LimitObserver } from "../core/limit.js";

/** In seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The operation of a request that reached none: probes, unknown paths. */
const NO_OPERATION = "none";

/**
 * Counts requests, and how long they took. The values of `operation` and `protocol` come from the proto and from the code, so that
 * their number is bounded. Streams have no duration here: they are open for hours.
 */
export function createRequestMetrics(registry: Registry, limits: LimitObserver): RequestObserver {
  const registers = [registry];
  const total = new Counter({
    name: "signet_requests_total",
    help: "Finished requests by operation id, protocol and HTTP status (for gRPC the equivalent one).",
    labelNames: ["operation", "protocol", "status"],
    registers,
  });
  const duration = new Histogram({
    name: "signet_request_duration_seconds",
    help: "Time from a request's head to the end of its answer, streams left out.",
    labelNames: ["operation", "protocol"],
    buckets: BUCKETS,
    registers,
  });
  const authenticationFailures = new Counter({
    name: "signet_authentication_failures_total",
    help: "Requests without valid credentials.",
    registers,
  });
  return {
    finished({ operationId: operation = NO_OPERATION, protocol, status, ...request }) {
      total.inc({ operation, protocol, status });
      if (!request.isStream) duration.observe({ operation, protocol }, request.durationMs / 1000);
      if (request.isAuthenticationFailure) authenticationFailures.inc();
      if (request.limit !== null) limits.refused(request.limit);
    },
  };
}
