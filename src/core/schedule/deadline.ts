/** A signal that aborts after a time, or with another signal. Disposed of, it leaves no timer and no listener behind. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
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
