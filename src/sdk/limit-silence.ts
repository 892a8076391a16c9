import { waitFor } from "../core/schedule/wait.js";
import { SignetError } from "./signet-error.js";

/**
 * The stream that `open` returns, with a limit on silence: throws `timeout` if the next message takes longer than `silentMs` (the first
 * one: than `firstMs`), and `cancelled` when the signal aborts, even if the stream itself does not react. Only the time spent waiting for
 * a message counts, so a slow consumer is not mistaken for a silent server. The signal passed to `open` aborts when the stream ends for
 * any reason.
 */
export async function* limitSilence<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  silentMs: number,
  signal: AbortSignal,
  firstMs = silentMs,
): AsyncGenerator<T> {
  const connection = new AbortController();
  try {
    const messages = open(connection.signal)[Symbol.asyncIterator]();
    for (let limitMs = firstMs; ; limitMs = silentMs) {
      const message = await withinLimits(messages.next(), limitMs, signal);
      if (message.done === true) return;
      yield message.value;
    }
  } finally {
    connection.abort();
  }
}

async function withinLimits<T>(next: Promise<T>, silentMs: number, signal: AbortSignal): Promise<T> {
  const isHeard = await waitFor(next, silentMs, [signal]).catch((thrown: unknown) => {
    throw signal.aborted ? new SignetError("cancelled", "the watch was stopped") : thrown;
  });
  if (!isHeard) throw new SignetError("timeout", `no message for ${silentMs} ms`);
  return await next;
}
