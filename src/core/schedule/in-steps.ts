/** Resolves in the next turn of the event loop, after the I/O that is ready. Needs setImmediate: Node only. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Calls `step` until it says that nothing is left or the signal aborts, each time in another turn of the event loop. Rejects as a step
 * does.
 */
export async function inSteps(step: () => Promise<boolean>, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true && (await step())) await nextTurn();
}

/** Calls `work` with up to `size` of them at a time, one call after another, each in another turn of the event loop. Rejects as it does. */
export async function inChunks<T>(
  all: readonly T[],
  size: number,
  work: (some: readonly T[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < all.length; start += size) {
    await work(all.slice(start, start + size));
    await nextTurn();
  }
}
