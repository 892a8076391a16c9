/** What a timer can hold: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits for `work` at most `timeoutMs` (Infinity: without an end). Resolves with whether it was there in time; rejects as it does,
 * and with the signal's reason when one aborts. Leaves no timer and no listener behind, but a callback on `work`: not for a promise
 * that outlives many waits.
 */
export async function waitFor(
  work: Promise<unknown>,
  timeoutMs: number,
  signals: readonly AbortSignal[] = [],
): Promise<boolean> {
  const cleanups: (() => void)[] = [];
  try {
    return await new Promise<boolean>((resolve, reject) => {
      work.then(() => resolve(true), reject);
      for (const signal of signals) {
        // The abort reason: an AppError for signals of this program.
        const onAbort = () => reject(signal.reason as Error);
        if (signal.aborted) return onAbort();
        signal.addEventListener("abort", onAbort, { once: true });
        cleanups.push(() => signal.removeEventListener("abort", onAbort));
      }
      if (timeoutMs === Infinity) return;
      const timer = setTimeout(() => resolve(false), Math.min(timeoutMs, MAX_TIMER_MS));
      cleanups.push(() => clearTimeout(timer));
    });
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/** Resolves after the time, or at once when the signal aborts. Never rejects. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await waitFor(new Promise(() => undefined), Math.min(ms, MAX_TIMER_MS), [signal]).catch(() => undefined);
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
