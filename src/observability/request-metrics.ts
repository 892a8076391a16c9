import type { Registry } from "prom-client";
import type { FinishedRequest, RequestObserver } from "../api/http/request-observer.js";
import type { LimitObserver } from "../core/limit.js";
import { CounterFamily, HistogramFamily, type CounterChild, type HistogramChild } from "./families.js";

const BUCKETS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** What a request is called that reached no operation: probes, unknown paths. */
const NO_OPERATION = "none";

interface Children {
  readonly total: CounterChild;
  readonly duration: HistogramChild | null;
}

/**
 * Counts requests, and how long they took. `operation` and `protocol` come from the proto and from the code, so that there are only
 * so many. Streams have no duration here: they are open for hours.
 */
export function createRequestMetrics(registry: Registry, limits: LimitObserver): RequestObserver {
  const totals = new CounterFamily({
    registry,
    name: "signet_requests_total",
    help: "Requests that are over, by operation id, protocol, and status as REST has it (also for gRPC).",
    labels: ["operation", "protocol", "status"],
  });
  const durations = new HistogramFamily(
    {
      registry,
      name: "signet_request_duration_seconds",
      help: "Time from a request's head to the end of its answer, streams left out.",
      labels: ["operation", "protocol"],
    },
    BUCKETS_MS,
  );
  const authenticationFailures = new CounterFamily({
    registry,
    name: "signet_authentication_failures_total",
    help: "Requests without valid credentials.",
    labels: [],
  }).child();

  // By object and key, not by a text of all three: to put that together costs more than to count.
  const byOperation = new Map<string, Map<string, Map<number, Children>>>();
  const childrenOf = ({ operationId = NO_OPERATION, protocol, status, isStream }: FinishedRequest): Children => {
    const byProtocol = entryOf(byOperation, operationId, () => new Map<string, Map<number, Children>>());
    const byStatus = entryOf(byProtocol, protocol, () => new Map<number, Children>());
    return entryOf(byStatus, status, () => ({
      total: totals.child(operationId, protocol, String(status)),
      duration: isStream ? null : durations.child(operationId, protocol),
    }));
  };
  return {
    finished(request) {
      const { total, duration } = childrenOf(request);
      total.inc();
      duration?.observeMs(request.durationMs);
      if (request.isAuthenticationFailure) authenticationFailures.inc();
      if (request.limit !== null) limits.refused(request.limit);
    },
  };
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const kept = map.get(key);
  if (kept !== undefined) return kept;
  const made = make();
  map.set(key, made);
  return made;
}
