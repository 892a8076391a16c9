import { sleep } from "../core/schedule/wait.js";
import type { Backoff } from "./backoff.js";
import { FINAL_ERRORS, SignetError, toSignetError } from "./signet-error.js";
import type { ReconnectingEvent } from "./watch-event.js";

/** A connection that lived this long was stable. One that is repeatedly accepted and lost at once must not be retried without a wait. */
export const GOOD_AFTER_MS = 60_000;

/** What a proxy may ask for: it may be gone long before that. */
const MAX_RETRY_AFTER_SECONDS = 600;

/**
 * The stream that `open` returns, opened again whenever it ends or fails, each time with an event that gives the reason and the wait.
 * Ends when the signal aborts. Throws SignetError for an error of a Signet server that retrying does not resolve; the same error from
 * a proxy may be temporary, and is retried slowly. `isFinal` says which errors these are: by default those of FINAL_ERRORS.
 */
export async function* reconnect<T>(
  open: () => AsyncIterable<T>,
  backoff: Backoff,
  signal: AbortSignal,
  isFinal = ({ code }: SignetError) => FINAL_ERRORS.has(code),
): AsyncGenerator<T | ReconnectingEvent, void> {
  while (!signal.aborted) {
    let error = new SignetError("unavailable", "the server ended the stream");
    let firstAtMs: number | undefined;
    try {
      for await (const item of open()) {
        firstAtMs ??= performance.now();
        yield item;
      }
    } catch (thrown) {
      error = toSignetError(thrown);
      if (!signal.aborted && isFinal(error) && error.isFromServer) throw error;
    }
    if (signal.aborted) return;
    if (firstAtMs !== undefined && performance.now() - firstAtMs >= GOOD_AFTER_MS) backoff.reset();
    const delayMs = delayAfter(error, backoff);
    yield { type: "reconnecting", attempt: backoff.attempt, delayMs, error };
    await sleep(delayMs, signal);
  }
}

/** The wait after a failure, in milliseconds: what the server asked for, up to ten minutes, and that of the backoff, longer when retrying alone will not help. */
export function delayAfter(error: SignetError, backoff: Backoff): number {
  const waitMs = FINAL_ERRORS.has(error.code) ? backoff.slowMs() : backoff.nextMs();
  // The sum, not the maximum: clients that were told the same time must not all return at once.
  return retryAfterMs(error.retryAfterSeconds) + waitMs;
}

/** How long to stay away, in milliseconds, for one who was asked to: at most ten minutes; 0 for nobody. */
export function retryAfterMs(seconds: number | null | undefined): number {
  return Math.min(seconds ?? 0, MAX_RETRY_AFTER_SECONDS) * 1000;
}
