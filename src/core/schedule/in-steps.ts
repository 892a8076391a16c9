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
