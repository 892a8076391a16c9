/** The right to work, until it is disposed of. Disposing of it again does nothing. */
export type Lease = Disposable;

/** A lease that calls `release` once. */
export function leaseOf(release: () => void): Lease {
  let isHeld = true;
  return {
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      release();
    },
  };
}
