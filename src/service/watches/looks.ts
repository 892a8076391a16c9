import { sleep } from "../../core/schedule/wait.js";

/** After a look that failed, since the database is away. */
const RETRY_MS = 500;

/** Looks again whenever it is told that something changed: one look at a time, and one after the last change. */
export class Looks implements AsyncDisposable {
  readonly #stopping = new AbortController();
  #isDue = false;
  #running: Promise<void> | null = null;

  /**
   * @param look reads what changed; when it rejects, it is called again after half a second
   * @param restMs between two looks, so that changes of that time share the next one
   */
  constructor(
    private readonly look: (signal: AbortSignal) => Promise<void>,
    private readonly restMs: number,
  ) {}

  /** Something changed. */
  wake(): void {
    if (this.#stopping.signal.aborted) return;
    this.#isDue = true;
    this.#running ??= this.#run();
  }

  /** Ends the look that is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    // In the next turn of the promises: never while `wake` is being called.
    await Promise.resolve();
    while (this.#isDue && !signal.aborted) {
      this.#isDue = false;
      try {
        await this.look(signal);
        if (this.restMs > 0) await sleep(this.restMs, signal);
      } catch {
        this.#isDue = true;
        await sleep(RETRY_MS, signal);
      }
    }
    // Here and not in a later turn: a call of `wake` in between would be lost.
    this.#running = null;
  }
}
