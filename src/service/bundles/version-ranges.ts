/** All versions from `first` to `last`. */
export interface VersionRange {
  readonly first: number;
  readonly last: number;
}

/** Ranges that are told; what comes after is counted only. */
const MAX_RANGES = 100;

/** Gathers versions that come in rising order into ranges. */
export class VersionRanges {
  readonly #ranges: { first: number; last: number }[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first 100. */
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
