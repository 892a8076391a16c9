import { sleep } from "../core/schedule/wait.js";
import type { Backoff } from "./backoff.js";
import { FINAL_ERRORS, SignetError, toSignetError } from "./signet-error.js";
import type { ReconnectingEvent } from "./watch-event.js";

/** A connection that lived so long was good. One that is accepted and lost at once, again and again, must not be made without a wait. */
const GOOD_AFTER_MS = 60_000;

/**
 * The stream that `open` makes, made again whenever it ends or fails; each time with an event that says why and for how long it
 * waits. Ends when the signal aborts. Throws SignetError when it failed for a reason that trying again does not mend, and a Signet
 * server said so; when a proxy did, which may be a moment's mistake, it is tried again slowly.
 */
export async function* reconnect<T>(
  open: () => AsyncIterable<T>,
  backoff: Backoff,
  signal: AbortSignal,
): AsyncGenerator<T | ReconnectingEvent> {
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
      if (!signal.aborted && FINAL_ERRORS.has(error.code) && error.isFromServer) throw error;
    }
    if (signal.aborted) return;
    if (firstAtMs !== undefined && performance.now() - firstAtMs >= GOOD_AFTER_MS) backoff.reset();
    const waitMs = FINAL_ERRORS.has(error.code) ? backoff.slowMs() : backoff.nextMs();
    // Added, not the larger of both: whoever is told the same second must not come at the same moment.
    const delayMs = (error.retryAfterSeconds ?? 0) * 1000 + waitMs;
    yield { type: "reconnecting", attempt: backoff.attempt, delayMs, error };
    await sleep(delayMs, signal);
  }
}
