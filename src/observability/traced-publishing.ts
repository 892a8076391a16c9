import type { Tracing } from "../core/trace.js";
import type { PublishObserver } from "../service/changes/observers.js";

/** Makes each phase a step of the trace, beside what `observer` does with it; the commit has a step of the store's. */
export function tracePublishing(observer: PublishObserver, tracing: Tracing): PublishObserver {
  return {
    phase(phase, durationMs) {
      observer.phase(phase, durationMs);
      if (phase === "commit" || tracing.current() === null) return;
      const start = { kind: "internal", parent: null, attributes: {}, startedMsAgo: durationMs } as const;
      tracing.start({ name: `publish ${phase}`, ...start }).end();
    },
  };
}
