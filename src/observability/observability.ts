import { NO_TRACING, type Tracing } from "../core/trace.js";
import type { PublishObserver, ServiceObservers } from "../service/changes/observers.js";
import type { Store } from "../store/store.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { traceStore } from "./traced-store.js";

/** The version that is reported, and where traces go. */
export interface ObservabilityOptions {
  readonly version: string;
  /** Where traces go, and how many; null traces nothing and loads nothing for it. */
  readonly traces: { readonly url: string; readonly ratio: number } | null;
  readonly onExport: (error: Error | null) => void;
}

/** The metrics and traces of a server. Disposing of it sends the traces that are left. */
export interface Observability extends AsyncDisposable {
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly services: ServiceObservers;
  /** The same store, measured and traced. */
  observe(store: Store): Store;
}

/** Opens the metrics, and the traces where they are wanted. */
export async function openObservability(options: ObservabilityOptions): Promise<Observability> {
  const { version, traces, onExport } = options;
  const metrics = createMetrics(version);
  if (traces === null) {
    return {
      ...{ metrics, tracing: NO_TRACING, services: metrics.services },
      observe: (store) => metrics.timeStore(store),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  // Only here: OpenTelemetry's packages are large.
  const { startOtlpTracing } = await import("./tracing.js");
  const tracing = startOtlpTracing({ ...traces, version, onExport });
  const publishing = tracePublishing(metrics.services.publishing, tracing);
  return {
    ...{ metrics, tracing, services: { ...metrics.services, publishing } },
    observe: (store) => traceStore(metrics.timeStore(store), tracing),
    [Symbol.asyncDispose]: () => tracing[Symbol.asyncDispose](),
  };
}

/** Adds each phase to the trace as a step; the commit is a step of the store. */
function tracePublishing(observer: PublishObserver, tracing: Tracing): PublishObserver {
  return {
    phase(phase, durationMs) {
      observer.phase(phase, durationMs);
      if (phase === "commit" || tracing.current() === null) return;
      const start = { kind: "internal", parent: null, attributes: {}, startedMsAgo: durationMs } as const;
      tracing.start({ name: `publish ${phase}`, ...start }).end();
    },
  };
}
