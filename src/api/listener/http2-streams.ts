import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** Numbers the turns of the event loop. */
class TurnCounter {
  #now = 0;
  #isScheduled = false;

  get now(): number {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#now += 1;
      });
    }
    return this.#now;
  }
}

const turns = new TurnCounter();

/** A stream that is open. */
export interface OpenStream {
  readonly stream: ServerHttp2Stream;
  /** The turn of the event loop in which it began. */
  readonly turn: number;
  /** When it began, in the time of performance.now(). */
  readonly begunMs: number;
}

/** The streams of a session that are open. */
export class OpenStreams {
  readonly #open = new Set<OpenStream>();
  /** Whether the limit of open streams is reached; of a session that has ended: was, just before its end. */
  wereAll = false;
  #idleSinceMs = performance.now();

  constructor(
    private readonly session: ServerHttp2Session,
    private readonly max: number,
  ) {}

  get open(): Iterable<OpenStream> {
    return this.#open;
  }

  /** Adds a stream. */
  opened(stream: ServerHttp2Stream): OpenStream {
    const open = { stream, turn: turns.now, begunMs: performance.now() };
    this.#open.add(open);
    if (this.#open.size >= this.max) this.wereAll = true;
    return open;
  }

  /** Takes a stream out, and says whether its client can have seen that it was answered. */
  closed(open: OpenStream): boolean {
    this.#open.delete(open);
    // The end of a session ends its streams before its error is known.
    if (!this.session.destroyed) this.wereAll = false;
    this.#idleSinceMs = performance.now();
    return isAnswered(open);
  }

  /**
   * Ends the streams that the client has reset without an error (RFC 9113, section 8.1), and says how many of them before an answer. Node
   * still counts them as open, and waits for their answers to be sent, which is no longer possible.
   */
  endAbandoned(): number {
    let count = 0;
    for (const open of this.#open) {
      if (!open.stream.closed || open.stream.destroyed) continue;
      if (!isAnswered(open)) count += 1;
      open.stream.destroy();
    }
    return count;
  }

  /** How long the session has had no stream. */
  get idleMs(): number {
    return this.#open.size > 0 ? 0 : performance.now() - this.#idleSinceMs;
  }
}

/** A stream that is begun and reset in one turn was never meant to be answered, however fast the answer was. */
function isAnswered({ stream, turn }: OpenStream): boolean {
  return stream.headersSent && turn !== turns.now;
}

interface Waiting {
  readonly bytes: number;
  readonly sinceMs: number;
}

/**
 * Finds streams whose client reads nothing of the answer: it grants no flow-control window (RFC 9113, section 5.2) while it answers
 * pings. A stream with nothing to send costs nothing.
 */
export class Stalls {
  readonly #waiting = new WeakMap<ServerHttp2Stream, Waiting>();

  constructor(private readonly timeoutMs: number) {}

  /** Whether the same number of bytes has waited to be sent for too long, as far as calls of this have seen. */
  isStalled(stream: ServerHttp2Stream, nowMs: number): boolean {
    const bytes = stream.writableLength;
    const before = this.#waiting.get(stream);
    if (before?.bytes === bytes) return nowMs - before.sinceMs >= this.timeoutMs;
    if (bytes > 0) this.#waiting.set(stream, { bytes, sinceMs: nowMs });
    else if (before !== undefined) this.#waiting.delete(stream);
    return false;
  }
}
