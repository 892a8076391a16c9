/**
 * Does so many works in a turn of the event loop, and leaves the others to the next turns: what comes by the thousand must not keep
 * everybody else waiting until all of it is done.
 */
export class Portions {
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #isScheduled = false;

  constructor(private readonly worksPerTurn: number) {
    this.#left = worksPerTurn;
  }

  /** Calls `work` now, or in a later turn; in the order in which they came. It must not throw. */
  take(work: () => void): void {
    this.#schedule();
    if (this.#left === 0 || this.#waiting.length > 0) {
      this.#waiting.push(work);
      return;
    }
    this.#left -= 1;
    work();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#isScheduled = false;
    const works = this.#waiting.splice(0, this.worksPerTurn);
    this.#left = this.worksPerTurn - works.length;
    if (this.#waiting.length > 0) this.#schedule();
    for (const work of works) work();
  }
}
