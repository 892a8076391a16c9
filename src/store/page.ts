/** A page of rows that are counted from the newest (or first) one. */
export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** One page and how many rows there are in all. */
export interface Listed<T> {
  readonly rows: readonly T[];
  readonly total: number;
}
