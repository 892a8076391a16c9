import { once } from "node:events";
import type { Writable } from "node:stream";
import type { Message } from "@bufbuild/protobuf";
import type { AppError } from "../../core/error.js";
import { toAppError } from "../admission/error-status.js";
import { errorAnswer } from "../http/error-body.js";
import type { StreamFormat } from "./stream-format.js";

/** Where a stream goes. */
export interface StreamAnswer {
  readonly out: Writable;
  readonly format: StreamFormat;
  readonly requestId: string;
  /** Sets the head; called once, right before the first message is written. */
  begin(): void;
  /** Aborted when the client has disconnected: ends every wait here, also for a generator that looks at no signal. */
  readonly gone: AbortSignal;
}

/**
 * Writes the messages of a stream, one at a time: the next is asked for when the client has taken the ones before.
 *
 * An error before the first message is thrown, and nothing was written: it can still become a status. One that comes later is the
 * last thing written, and is returned; so is `cancelled` when the client went away.
 */
export async function writeStream(
  messages: AsyncIterable<Message>,
  answer: StreamAnswer,
): Promise<AppError | undefined> {
  const { out, format, gone } = answer;
  const iterator = messages[Symbol.asyncIterator]();
  let begun = false;
  try {
    for (;;) {
      const next = await nextUnlessGone(iterator, gone);
      if (!begun) answer.begin();
      begun = true;
      if (next.done === true) break;
      if (!out.write(format.message(next.value))) await once(out, "drain", { signal: gone });
    }
    out.end();
    return undefined;
  } catch (thrown) {
    // Not awaited: a generator that waits for something else ends when that comes.
    iterator.return?.().catch(() => undefined);
    const error = toAppError(gone.aborted ? gone.reason : thrown);
    if (!begun) throw error;
    if (!gone.aborted) endWithError(out, format.error(errorAnswer(error, answer.requestId)));
    return error;
  }
}

/** Without a form for errors, a client must not take what it has for the whole. */
function endWithError(out: Writable, text: string | null): void {
  if (text === null) out.destroy();
  else out.end(text);
}

/** A race against one promise for the whole stream would keep every message until the stream ends. */
function nextUnlessGone<T>(iterator: AsyncIterator<T>, gone: AbortSignal): Promise<IteratorResult<T, unknown>> {
  gone.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(toAppError(gone.reason));
    gone.addEventListener("abort", onAbort, { once: true });
    iterator
      .next()
      .finally(() => gone.removeEventListener("abort", onAbort))
      .then(resolve, reject);
  });
}
