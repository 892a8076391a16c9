/** A value that changes, for readers that each take the newest: who is slow misses what was superseded, and holds up nobody. */
export class Newest<T> {
  #value: T | null = null;
  #count = 0;
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  /** Replaces the value. */
  set(value: T): void {
    this.#value = value;
    this.#count += 1;
    this.#wake();
  }

  /** Ends all readers. */
  close(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** The value, when there is one, and each newer one. Each call is a reader of its own. */
  read(): AsyncIterableIterator<T> {
    let seen = 0;
    let isLeft = false;
    const waiting = new Set<() => void>();
    const next = async (): Promise<IteratorResult<T>> => {
      while (!isLeft && !this.#isOver) {
        if (this.#count > seen) {
          seen = this.#count;
          return { done: false, value: this.#value as T };
        }
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
          this.#waiting.add(resolve);
        });
        waiting.clear();
      }
      return { done: true, value: undefined };
    };
    // Ends a `next` that waits, which a generator's would not.
    const leave = async (): Promise<IteratorResult<T>> => {
      isLeft = true;
      for (const wake of waiting) {
        this.#waiting.delete(wake);
        wake();
      }
      return { done: true, value: undefined };
    };
    const reader: AsyncIterableIterator<T> = { next, return: leave, [Symbol.asyncIterator]: () => reader };
    return reader;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
