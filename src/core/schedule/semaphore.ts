import { leaseOf, type Lease } from "./lease.js";

/** Grants up to `count` leases at once; first come, first served. Where callers must share fairly, use a FairScheduler. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly count: number) {
    this.#free = count;
  }

  /** Callers that wait for a lease. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** No lease is held. */
  get isIdle(): boolean {
    return this.#free === this.count;
  }

  /** Waits for a lease. Rejects with the signal's reason when it aborts first. */
  async acquire(signal?: AbortSignal): Promise<Lease> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    return leaseOf(() => this.#release());
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const grant = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(grant), 1);
        reject(signal?.reason as Error);
      };
      this.#waiting.push(grant);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
