/** So many streams are written before the event loop may serve others: about two milliseconds. */
const SLICE = 64;

interface Work {
  /** Does one piece; false when there is none left. */
  step(): boolean;
  done(): void;
}

/**
 * Works through long lists a slice at a time, so that the event loop serves others in between. Lists that are under way together take
 * turns. A list may grow and shrink meanwhile, as far as its iterator allows.
 */
export class Slices {
  readonly #works: Work[] = [];
  #isRunning = false;

  /** Calls `each` for every item, and `done` after the last. Neither may throw. */
  add<T>(items: Iterable<T>, each: (item: T) => void, done: () => void = () => undefined): void {
    const iterator = items[Symbol.iterator]();
    const step = () => {
      const next = iterator.next();
      if (next.done !== true) each(next.value);
      return next.done !== true;
    };
    this.#works.push({ step, done });
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    for (let left = SLICE; left > 0;) {
      const work = this.#works.shift();
      if (work === undefined) break;
      let goesOn = true;
      while (goesOn && left > 0) {
        goesOn = work.step();
        left -= 1;
      }
      if (goesOn) this.#works.push(work);
      else work.done();
    }
    this.#isRunning = this.#works.length > 0;
    if (this.#isRunning) setImmediate(() => this.#run());
  }
}
