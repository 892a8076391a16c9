/**
 * A line for work that can wait: one starts in each turn of the event loop, so that what cannot wait (a request, an answer) is never
 * behind more than one of them.
 */
export class Turns {
  readonly #line: (() => void)[] = [];

  /** Resolves when it is one's turn; first come, first served. */
  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#line.push(resolve);
      if (this.#line.length === 1) setImmediate(this.#next);
    });
  }

  readonly #next = () => {
    this.#line.shift()?.();
    if (this.#line.length > 0) setImmediate(this.#next);
  };
}
