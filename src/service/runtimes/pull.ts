import type { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Push } from "./push.js";
import type { Subscription, WatchReader } from "./subscriber.js";
import type { WatchEvent, WatchRequest } from "./watch.js";

/**
 * A watch as an iterable, for callers that pull. Events that come before the last one was taken are superseded by the newest.
 *
 * Ends by throwing what Push.open throws or tells its reader, or the signal's reason.
 */
export async function* pullEvents(
  push: Pick<Push, "open">,
  principal: Principal,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  signal.throwIfAborted();
  const reader = new PulledWatch();
  const onAbort = () => reader.fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await push.open(principal, request, reader);
    for (;;) yield await reader.next();
  } finally {
    signal.removeEventListener("abort", onAbort);
    reader.close();
  }
}

/** A reader that buffers one event. */
class PulledWatch implements WatchReader {
  #subscription: Subscription | null = null;
  #event: WatchEvent | null = null;
  #failure: { readonly reason: unknown } | null = null;
  #waiting: (() => void) | null = null;

  opened(subscription: Subscription): void {
    this.#subscription = subscription;
    if (this.#failure !== null) subscription.close();
  }

  send(event: WatchEvent): boolean {
    this.#event = event;
    this.#wake();
    return false;
  }

  ask(): void {
    // An iterable has no way to ask its consumer.
  }

  end(reason: AppError): void {
    this.fail(reason);
  }

  /** Ends the iteration with `reason`, which may be anything that an AbortSignal has. */
  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.close();
    this.#wake();
  }

  /** Resolves with the next event, for one caller at a time. */
  async next(): Promise<WatchEvent> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.reason;
      const event = this.#event;
      this.#event = null;
      if (event !== null) return event;
      const woken = new Promise<void>((resolve) => (this.#waiting = resolve));
      this.#subscription?.ready();
      await woken;
    }
  }

  close(): void {
    this.#subscription?.close();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = null;
  }
}
