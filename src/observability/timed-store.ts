import type { Registry } from "prom-client";
import type { Reader, Store } from "../store/store.js";
import { HistogramFamily, type HistogramChild } from "./families.js";

const BUCKETS_MS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

/** The same store; how long it takes is measured. */
export function timeStore(store: Store, registry: Registry): Store {
  const histogram = (name: string, help: string) =>
    new HistogramFamily({ registry, name, help, labels: [] }, BUCKETS_MS).child();
  const reads = histogram(
    "signet_store_read_duration_seconds",
    "Time of one read outside of a transaction, with the wait for the connection.",
  );
  const waits = histogram(
    "signet_store_write_wait_duration_seconds",
    "Time that a transaction waited before it began.",
  );
  const transactions = histogram(
    "signet_store_transaction_duration_seconds",
    "Time of a transaction that was committed, from its begin until it was durable.",
  );
  return {
    read: timedReader(store.read, reads),
    async write(work) {
      const askedMs = performance.now();
      let begunMs = askedMs;
      const result = await store.write((tx) => {
        begunMs = performance.now();
        waits.observeMs(begunMs - askedMs);
        return work(tx);
      });
      transactions.observeMs(performance.now() - begunMs);
      return result;
    },
    ping: () => store.ping(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function timedReader(reader: Reader, histogram: HistogramChild): Reader {
  const timed = Object.entries(reader).map(([name, read]: [string, (...args: never[]) => Promise<unknown>]) => [
    name,
    async (...args: never[]) => {
      const startedMs = performance.now();
      const result = await read(...args);
      histogram.observeMs(performance.now() - startedMs);
      return result;
    },
  ]);
  return Object.fromEntries(timed) as Reader;
}
