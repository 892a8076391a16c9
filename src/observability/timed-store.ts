import { Histogram, type Registry } from "prom-client";
import type { Reader, Store } from "../store/store.js";

/** In seconds. */
const BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** The same store, whose reads and writes are timed. Those that fail are not. */
export function timeStore(store: Store, registry: Registry): Store {
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, buckets: BUCKETS, registers: [registry] });
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
      let begun: (() => void) | null = waits.startTimer();
      let committed = transactions.startTimer();
      const result = await store.write((tx) => {
        // Once for a work that is run again.
        begun?.();
        begun = null;
        committed = transactions.startTimer();
        return work(tx);
      });
      committed();
      return result;
    },
    ping: () => store.ping(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

function timedReader(reader: Reader, histogram: Histogram): Reader {
  const timed = Object.entries(reader).map(([name, read]: [string, (...args: never[]) => Promise<unknown>]) => [
    name,
    async (...args: never[]) => {
      const answered = histogram.startTimer();
      const result = await read(...args);
      answered();
      return result;
    },
  ]);
  return Object.fromEntries(timed) as Reader;
}
