/** Asked before work begins that takes much memory: a large body, or a document that is made of others. */
export interface LargeWork {
  /** Throws `unavailable` (`memory_full`) when there is no memory for it. To be disposed of when the work is over. */
  begin(): Disposable;
}

/** Lets everything begin. */
export const UNGUARDED: LargeWork = { begin: () => ({ [Symbol.dispose]: () => undefined }) };
