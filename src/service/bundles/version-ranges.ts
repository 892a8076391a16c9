/** The versions from `first` to `last`, inclusive. */
export interface VersionRange {
  readonly first: number;
  readonly last: number;
}

/** Ranges in a report; further versions are only counted. */
const MAX_RANGES = 100;

/** Collects versions, added in ascending order, as ranges. */
export class VersionRanges {
  readonly #ranges: { first: number; last: number }[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first 100 ranges. */
  get ranges(): readonly VersionRange[] {
    return this.#ranges;
  }

  add(version: number): void {
    this.#count += 1;
    const current = this.#ranges.at(-1);
    if (current?.last === version - 1) current.last = version;
    else if (this.#ranges.length < MAX_RANGES) this.#ranges.push({ first: version, last: version });
  }

  /** `["1-7", "9"]` */
  toTexts(): readonly string[] {
    return this.#ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
  }
}
