const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Waits for `woken` at most `timeoutMs`. Resolves with whether it was woken; rejects with the reason when a signal aborts, which
 * leaves no timer and no listener behind.
 */
export async function waitFor(
  woken: Promise<void>,
  timeoutMs: number,
  signals: readonly AbortSignal[],
): Promise<boolean> {
  const cleanups: (() => void)[] = [];
  try {
    return await new Promise<boolean>((resolve, reject) => {
      for (const signal of signals) {
        // An abort reason is whatever the aborter says: for ours an AppError.
        const onAbort = () => reject(signal.reason as Error);
        if (signal.aborted) return onAbort();
        signal.addEventListener("abort", onAbort, { once: true });
        cleanups.push(() => signal.removeEventListener("abort", onAbort));
      }
      const timer = setTimeout(() => resolve(false), Math.min(timeoutMs, MAX_TIMER_MS));
      cleanups.push(() => clearTimeout(timer));
      void woken.then(() => resolve(true));
    });
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

/** Waits; ends at once, without an error, when the signal aborts. */
export async function pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
  // One of its own: whoever waits on a shared promise stays on its list for ever.
  await waitFor(new Promise(() => undefined), timeoutMs, [signal]).catch(() => undefined);
}
