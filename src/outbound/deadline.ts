/** A signal that aborts after a time, or with another signal. Disposed of, it leaves no timer and no listener behind. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #forward: () => void;

  constructor(
    timeoutMs: number,
    private readonly outer: AbortSignal,
  ) {
    this.#forward = () => this.#controller.abort(outer.reason);
    this.#timer = setTimeout(() => this.#controller.abort(new Error("the time is over")), timeoutMs);
    outer.addEventListener("abort", this.#forward, { once: true });
    if (outer.aborted) this.#forward();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.outer.removeEventListener("abort", this.#forward);
  }
}

/** Settles as the work does, or rejects at once when the signal aborts. The work goes on, and nobody waits for it. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
