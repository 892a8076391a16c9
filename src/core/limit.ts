/** Told of what a limit refused, for who watches. Cheap; never throws. */
export interface LimitObserver {
  /** `limit` is a name from the code, one of few: never anything that a caller sent. */
  refused(limit: string): void;
}
