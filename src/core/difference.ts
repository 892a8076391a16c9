/** One value that differs. Values are JSON texts with numbers as they are spelled in documents. */
export interface ValueChange {
  readonly op: "add" | "remove" | "replace";
  /** JSON Pointer (RFC 6901) from `/policies` or `/scope_policies`. */
  readonly path: string;
  /** Null when there was none, and when it is too long to show. */
  readonly oldValue: string | null;
  /** Null when there is none any more, and when it is too long to show. */
  readonly newValue: string | null;
  /** The start of the old value's JSON text when it is too long to show; null otherwise. */
  readonly oldExcerpt: string | null;
  /** The same of the new value. */
  readonly newExcerpt: string | null;
}

/** What differs between two policy documents. */
export interface Difference {
  /** In an order in which they can be applied one after another: list items are removed from the end. */
  readonly changes: readonly ValueChange[];
  /** How many there are. */
  readonly total: number;
  /** Whether there are more than `changes` has. */
  readonly isTruncated: boolean;
}
