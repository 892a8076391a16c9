import { SignetError } from "./signet-error.js";

/**
 * The stream that `open` makes, with an end to waiting: throws `timeout` when the next message takes longer than `silentMs`, and
 * `cancelled` when the signal aborts, even if the stream itself notices neither. Only the time in which a message is asked for
 * counts, so a slow consumer is not taken for a silent server. Whatever ends it, the signal that `open` was given aborts.
 */
export async function* limitSilence<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  silentMs: number,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const connection = new AbortController();
  try {
    const messages = open(connection.signal)[Symbol.asyncIterator]();
    for (;;) {
      const message = await withinLimits(messages.next(), silentMs, signal);
      if (message.done === true) return;
      yield message.value;
    }
  } finally {
    connection.abort();
  }
}

function withinLimits<T>(next: Promise<T>, silentMs: number, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(new SignetError("cancelled", "the watch was stopped"));
    const onSilence = () => reject(new SignetError("timeout", `nothing was heard for ${silentMs} ms`));
    const timer = setTimeout(onSilence, silentMs);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    void next.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    });
  });
}
