import type { Runtime } from "../../src/sdk/index.js";
import { openRuntime, type NodeRuntimeOptions } from "../../src/sdk/node.js";

const AT_A_TIME = 50;
const READY_MS = 180_000;

/** Runtimes of one process that follow one server. */
export class Fleet implements AsyncDisposable {
  /** Waits that were drawn: one for each connection that failed or was lost. */
  waits = 0;
  readonly #waitsOf: number[] = [];
  #runtimes: readonly Runtime[] = [];

  /** Opens so many; `backoff` gets a count of its waits. Resolves when each is ready. */
  static async open(count: number, options: Omit<NodeRuntimeOptions, "instanceId">): Promise<Fleet> {
    const fleet = new Fleet();
    const { baseMs = 10_000, maxMs = 60_000, random = Math.random } = options.backoff ?? {};
    const runtimes: Runtime[] = [];
    for (let index = 0; index < count; index += 1) {
      const counted = () => {
        fleet.waits += 1;
        fleet.#waitsOf[index] = (fleet.#waitsOf[index] ?? 0) + 1;
        return random();
      };
      const backoff = { baseMs, maxMs, random: counted };
      runtimes.push(await openRuntime({ ...options, backoff, instanceId: `instance-${index}` }));
      // As a program that opens many does: some at a time.
      if (index % AT_A_TIME === AT_A_TIME - 1) await runtimes.at(-1)?.ready({ timeoutMs: READY_MS });
    }
    fleet.#runtimes = runtimes;
    await Promise.all(runtimes.map(async (runtime) => await runtime.ready({ timeoutMs: READY_MS })));
    return fleet;
  }

  /** The most waits of one of them. */
  get mostWaits(): number {
    return Math.max(0, ...this.#waitsOf.filter((count) => count !== undefined));
  }

  get refusals(): number {
    return this.#runtimes.reduce((sum, { status }) => sum + status.refusals, 0);
  }

  get connected(): number {
    return this.#runtimes.filter(({ status }) => status.transport !== null).length;
  }

  /** How many have this sequence, and are fresh. */
  countAt(sequence: number): number {
    const isThere = ({ current, status }: Runtime) => current?.sequence === sequence && status.state === "fresh";
    return this.#runtimes.filter(isThere).length;
  }

  /** Resolves when all have it. Throws after a time. */
  async allAt(sequence: number, timeoutMs = 180_000): Promise<void> {
    const from = performance.now();
    while (this.countAt(sequence) < this.#runtimes.length) {
      if (performance.now() - from > timeoutMs) {
        const states = this.#runtimes.map(
          ({ current, status }) => `${current?.sequence} ${status.state} ${status.error?.message}`,
        );
        throw new Error(`not all at ${sequence}: ${[...new Set(states)].join("; ")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#runtimes.map(async (runtime) => await runtime.close()));
  }
}
