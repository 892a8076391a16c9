/** Does one piece of work; false when there is none left. */
type Work = () => boolean;

/**
 * Runs at most `perTurn` pieces of work in one turn of the event loop, so that timers, requests and answers of others come in between.
 * Lists that are under way together take turns. Needs setImmediate: Node only.
 */
export class EventLoopQuota {
  readonly #waiting: Work[] = [];
  #left: number;
  #isScheduled = false;

  constructor(private readonly perTurn: number) {
    this.#left = perTurn;
  }

  /** Calls `work` now while this turn has quota left, else in a later turn; in the order of the calls. It must not throw. */
  run(work: () => void): void {
    this.#schedule();
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left -= 1;
      work();
      return;
    }
    this.#waiting.push(() => {
      work();
      return false;
    });
  }

  /** Resolves when one piece of work may be done. */
  next(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  /**
   * Calls `each` for every item, from the next turn on, and `done` after the last. Neither may throw. The list may grow and shrink
   * meanwhile as far as its iterator allows.
   */
  forEach<T>(items: Iterable<T>, each: (item: T) => void, done: () => void = () => undefined): void {
    const iterator = items[Symbol.iterator]();
    this.#waiting.push(() => {
      const next = iterator.next();
      if (next.done === true) done();
      else each(next.value);
      return next.done !== true;
    });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = () => {
    this.#isScheduled = false;
    this.#left = this.perTurn;
    while (this.#left > 0) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      let hasMore = true;
      while (hasMore && this.#left > 0) {
        this.#left -= 1;
        hasMore = work();
      }
      if (hasMore) this.#waiting.push(work);
    }
    if (this.#waiting.length > 0) this.#schedule();
  };
}
