import { waitFor } from "../../core/schedule/wait.js";
import type { Store, Writer } from "../../store/store.js";

/**
 * `later`: whatever is `first` goes before it, and it leaves most of the time to others. `last`: it waits for more of its kind besides.
 */
export type Precedence = "first" | "later" | "last";

const ORDER: readonly Precedence[] = ["first", "later", "last"];

interface Work {
  /** Does it in the transaction; what it returns is to be called once that is committed. */
  run(tx: Writer): Promise<() => void>;
  fail(error: unknown): void;
}

/** Most in one transaction: it holds the database, and the process, until it is committed. */
const MAX_BATCH: Readonly<Record<Precedence, number>> = { first: 50, later: 8, last: 16 };
/** `last` waits so long, or until a batch is full. */
const GATHER_MS = 500;
/** After each batch of others than `first`, for so many times as long as it took, others have the database for themselves. */
const REST_FACTOR = 4;

/**
 * Batches small writes of many callers into shared transactions: what comes in while one is on its way shares the next, so that the
 * more there is to write, the less each costs.
 *
 * Not a FairScheduler: its unit is the batch, in which the callers succeed or fail together, and its order is by precedence.
 */
export class SharedWrites {
  readonly #lines: Readonly<Record<Precedence, Work[]>> = { first: [], later: [], last: [] };
  #writing: Promise<void> | null = null;
  #isGathering = false;
  #hurry: () => void = () => {};

  constructor(private readonly store: Store) {}

  /** Resolves when it is durable. Rejects when the transaction failed, with all that shared it. */
  run<T>(precedence: Precedence, write: (tx: Writer) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = async (tx: Writer) => {
        const result = await write(tx);
        return () => resolve(result);
      };
      this.#lines[precedence].push({ run, fail: reject });
      if (precedence === "first" || (precedence === "later" && this.#isGathering)) this.#hurry();
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = null;
      });
    });
  }

  /** Resolves when nothing is being written or waits for it. */
  async drained(): Promise<void> {
    this.#hurry();
    await this.#writing;
  }

  /** Never rejects: each is told how its own went. */
  async #writeAll(): Promise<void> {
    // Calls of the same turn of the event loop share the first transaction already.
    await Promise.resolve();
    for (;;) {
      const precedence = ORDER.find((it) => this.#lines[it].length > 0);
      if (precedence === undefined) return;
      const line = this.#lines[precedence];
      if (precedence === "last" && line.length < MAX_BATCH.last) await this.#gather();
      // What came in meanwhile goes before.
      if (this.#hasBefore(precedence)) continue;
      const startedAt = performance.now();
      await this.#write(line.splice(0, MAX_BATCH[precedence]));
      if (precedence === "first") continue;
      const restMs = (performance.now() - startedAt) * REST_FACTOR;
      if (this.#lines.first.length === 0 && this.#lines[precedence].length > 0) await this.#pause(restMs);
    }
  }

  #hasBefore(precedence: Precedence): boolean {
    return ORDER.slice(0, ORDER.indexOf(precedence)).some((it) => this.#lines[it].length > 0);
  }

  async #gather(): Promise<void> {
    this.#isGathering = true;
    await this.#pause(GATHER_MS);
    this.#isGathering = false;
  }

  async #write(batch: readonly Work[]): Promise<void> {
    try {
      const committed = await this.store.write(async (tx) => {
        const done: (() => void)[] = [];
        for (const work of batch) done.push(await work.run(tx));
        return done;
      });
      for (const done of committed) done();
    } catch (error) {
      for (const work of batch) work.fail(error);
    }
  }

  /** Ends early when something comes in that goes first. */
  async #pause(restMs: number): Promise<void> {
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    await waitFor(hurried, restMs);
  }
}
