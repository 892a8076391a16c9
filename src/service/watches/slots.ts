/** The newest value of a key. */
export interface Slot<T> {
  /** When it was put: grows with every put of the log that the slot is in. */
  readonly revision: number;
  readonly key: string;
  readonly value: T;
}

/**
 * The newest value of each key, in the order in which they were put: a reader needs nothing but the revision that it has seen, and one
 * that is slow finds each key once, however often it changed meanwhile.
 */
export class Slots<T> {
  /** In the order of revisions; among them some that were superseded. */
  #entries: Slot<T>[] = [];
  readonly #byKey = new Map<string, Slot<T>>();

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key)?.value;
  }

  /** The newest values of all keys, in no order. */
  *values(): IterableIterator<T> {
    for (const { value } of this.#byKey.values()) yield value;
  }

  /** @param revision above that of every slot before */
  put(key: string, value: T, revision: number): void {
    const slot = { revision, key, value };
    this.#byKey.set(key, slot);
    this.#entries.push(slot);
    // Each superseded one is dropped once: it costs a put the time of two.
    if (this.#entries.length > 2 * this.#byKey.size + 64)
      this.#entries = this.#entries.filter((it) => this.#isNewest(it));
  }

  delete(key: string): void {
    this.#byKey.delete(key);
  }

  /** The first slot above a revision; undefined when there is none. */
  after(revision: number): Slot<T> | undefined {
    for (let index = this.#firstAfter(revision); index < this.#entries.length; index += 1) {
      const slot = this.#entries[index];
      if (slot !== undefined && this.#isNewest(slot)) return slot;
    }
    return undefined;
  }

  #isNewest(slot: Slot<T>): boolean {
    return this.#byKey.get(slot.key) === slot;
  }

  #firstAfter(revision: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
