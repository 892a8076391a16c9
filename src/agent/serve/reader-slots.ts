import { notNow } from "./local-answer.js";

/** How a reader is held. */
export type ReaderKind = "watch" | "poll";

/** Counts the readers that are held: watches and held polls, of all environments together. */
export class ReaderSlots {
  readonly #held: Record<ReaderKind, number> = { watch: 0, poll: 0 };
  /** Readers that were refused since the start. */
  refused = 0;

  /** @param max at once */
  constructor(private readonly max: number) {}

  /** How many are held now. */
  held(kind: ReaderKind): number {
    return this.#held[kind];
  }

  /**
   * Takes a slot, until it is disposed of.
   *
   * @throws Refusal 503 when all are taken
   */
  take(kind: ReaderKind): Disposable {
    if (this.#held.watch + this.#held.poll >= this.max) {
      this.refused += 1;
      throw notNow("too_many_readers", `the agent holds ${this.max} readers already`, 10);
    }
    this.#held[kind] += 1;
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#held[kind] -= 1;
      },
    };
  }
}
