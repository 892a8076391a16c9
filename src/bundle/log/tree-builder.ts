import { EMPTY_ROOT, nodeHash, type Hash } from "./merkle.js";

/** Takes the leaves of a tree one after another; keeps one hash for each level. */
export class TreeBuilder {
  #size = 0;
  #peaks: Hash[] = [];

  /** How many leaves there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds the next leaf, by its hash. */
  add(leaf: Hash): void {
    let hash = leaf;
    for (let count = this.#size; count % 2 === 1; count = (count - 1) / 2)
      hash = nodeHash(this.#peaks.pop() ?? hash, hash);
    this.#peaks.push(hash);
    this.#size += 1;
  }

  /** The root of the leaves so far. */
  root(): Hash {
    const last = this.#peaks.at(-1);
    return last === undefined
      ? EMPTY_ROOT
      : this.#peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
  }
}
