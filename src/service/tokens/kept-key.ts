/**
 * The raw key of an admin token that the server keeps in a file, for the command line of its machine. A rotation of that token replaces
 * it: prepared before the commit, put in its place after it, and settled at the next start if the process ends in between. At every moment
 * the file or its prepared successor has a key that works.
 */
export interface KeptKey {
  /** Whether the file has the key of this SHA-256; puts a successor that has it in its place first. */
  holds(hash: string): boolean;
  /** Writes the successor beside the file, durably. Throws when it cannot be written. */
  prepare(rawKey: string): void;
  /** Puts the prepared successor in the place of the file. False when it cannot; the next rotation or start does it then. */
  replace(): boolean;
}

/** Keeps no key. */
export const NO_KEPT_KEY: KeptKey = { holds: () => false, prepare: () => undefined, replace: () => false };
