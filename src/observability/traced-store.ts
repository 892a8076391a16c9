import { AsyncResource } from "node:async_hooks";
import type { Tracing } from "../core/trace.js";
import type { Store } from "../store/store.js";

/**
 * The same store; each transaction is a step of its caller's trace. The work keeps that trace also when the store runs it from another
 * context, as a group commit does.
 */
export function traceStore(store: Store, tracing: Tracing): Store {
  return {
    read: store.read,
    async write(work) {
      // Jobs and outcomes of many deliveries begin no trace.
      if (tracing.current() === null) return await store.write(work);
      const span = tracing.start({
        ...{ name: "store transaction", kind: "internal", parent: null, attributes: {}, startedMsAgo: 0 },
      });
      try {
        return await tracing.run(span, () => store.write(AsyncResource.bind(work)));
      } finally {
        span.end();
      }
    },
    ping: () => store.ping(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
