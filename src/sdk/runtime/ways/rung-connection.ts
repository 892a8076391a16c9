import type { News, Position, Rung } from "./rung.js";

/** One connection of a rung, which can be left from outside. */
export class RungConnection {
  readonly #left = new AbortController();
  readonly #iterator: AsyncIterator<News>;
  readonly #forget: () => void;
  #first: News | null = null;

  constructor(
    readonly rung: Rung,
    position: () => Position,
    signal: AbortSignal,
    firstMs: number,
  ) {
    const leave = () => this.leave();
    signal.addEventListener("abort", leave, { once: true });
    this.#forget = () => signal.removeEventListener("abort", leave);
    this.#iterator = rung.open(position, this.#left.signal, firstMs)[Symbol.asyncIterator]();
    if (signal.aborted) leave();
  }

  /** Whether the first news came. `news` yields them again. Rejects as the rung does. */
  async begins(): Promise<boolean> {
    const first = await this.#iterator.next();
    if (first.done !== true) this.#first = first.value;
    return first.done !== true;
  }

  /** All news, until it is left. */
  async *news(): AsyncGenerator<News, void> {
    try {
      if (this.#first !== null) yield this.#first;
      for (;;) {
        const next = await this.#iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      this.leave();
    }
  }

  /** Ends it, also while nobody waits for the next news: a generator that rests looks at no signal. */
  leave(): void {
    if (this.#left.signal.aborted) return;
    this.#forget();
    this.#left.abort();
    void this.#iterator.return?.().catch(() => undefined);
  }
}
