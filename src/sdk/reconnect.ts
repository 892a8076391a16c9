import type { Backoff } from "./backoff.js";
import { SignetError, toSignetError, type SignetErrorCode } from "./signet-error.js";
import { sleep } from "./sleep.js";
import type { ReconnectingEvent } from "./watch-event.js";

/** Trying again would not help: the token, its rights, its environment or the request itself must change first. */
const FINAL: ReadonlySet<SignetErrorCode> = new Set([
  "unauthenticated",
  "forbidden",
  "not_found",
  "invalid",
  "malformed",
]);

/**
 * The stream that `open` makes, made again whenever it ends or fails; each time with an event that says why and for how long it
 * waits. Ends when the signal aborts. Throws SignetError when it failed for a reason that trying again does not mend.
 *
 * Whoever consumes it resets the back-off when a connection has proved good.
 */
export async function* reconnect<T>(
  open: () => AsyncIterable<T>,
  backoff: Backoff,
  signal: AbortSignal,
): AsyncGenerator<T | ReconnectingEvent> {
  while (!signal.aborted) {
    let error = new SignetError("unavailable", "the server ended the stream");
    try {
      yield* open();
    } catch (thrown) {
      error = toSignetError(thrown);
      if (!signal.aborted && FINAL.has(error.code)) throw error;
    }
    if (signal.aborted) return;
    // Added, not the larger of both: whoever is told the same second must not come at the same moment.
    const delayMs = (error.retryAfterSeconds ?? 0) * 1000 + backoff.nextMs();
    yield { type: "reconnecting", attempt: backoff.attempt, delayMs, error };
    await sleep(delayMs, signal);
  }
}
