import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { LimitObserver } from "../../core/limit.js";

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

/** The streams of a session that are open, with the turn in which each began. */
export class OpenStreams {
  readonly #open = new Map<ServerHttp2Stream, number>();
  /** As many as may be were open; when the session has ended: just before that. */
  wereAll = false;
  private idleSince = performance.now();

  constructor(
    private readonly session: ServerHttp2Session,
    private readonly max: number,
  ) {}

  get open(): Iterable<ServerHttp2Stream> {
    return this.#open.keys();
  }

  opened(stream: ServerHttp2Stream): void {
    this.#open.set(stream, turns.now);
    if (this.#open.size >= this.max) this.wereAll = true;
  }

  /** Says whether its client can have seen that it was answered. */
  closed(stream: ServerHttp2Stream): boolean {
    const wasAnswered = this.#isAnswered(stream);
    this.#open.delete(stream);
    // The end of a session ends its streams before it tells why.
    if (!this.session.destroyed) this.wereAll = false;
    this.idleSince = performance.now();
    return wasAnswered;
  }

  /**
   * Ends the streams that the client has reset without an error (RFC 9113, section 8.1), and says how many of them before an answer. Node
   * waits for their answers to be sent, which can be no more, and counts them among those that the client may have open.
   */
  endAbandoned(): number {
    let count = 0;
    for (const stream of this.open) {
      if (!stream.closed || stream.destroyed) continue;
      if (!this.#isAnswered(stream)) count += 1;
      stream.destroy();
    }
    return count;
  }

  get idleMs(): number {
    return this.#open.size > 0 ? 0 : performance.now() - this.idleSince;
  }

  /** What is begun and reset in one turn was never meant to be answered, however fast the answer was. */
  #isAnswered(stream: ServerHttp2Stream): boolean {
    return stream.headersSent && this.#open.get(stream) !== turns.now;
  }
}

interface Waiting {
  readonly bytes: number;
  readonly sinceMs: number;
}

/** Nearly every connection's. */
const NOTHING: ReadonlyMap<ServerHttp2Stream, Waiting> = new Map();

/**
 * Finds streams whose client takes nothing of what it is sent: it need only grant no window (RFC 9113, section 5.2), and answers pings
 * meanwhile. Looked at now and then, for all streams of a connection together; streams that wait for nothing cost nothing.
 */
export class Stalls {
  #waiting = NOTHING;

  constructor(
    private readonly timeoutMs: number,
    private readonly observer: LimitObserver,
    private readonly cancel: (stream: ServerHttp2Stream) => void,
  ) {}

  /** Cancels those that have waited too long with the same bytes. */
  look(streams: Iterable<ServerHttp2Stream>): void {
    const nowMs = performance.now();
    let waiting: Map<ServerHttp2Stream, Waiting> | null = null;
    for (const stream of streams) {
      const bytes = stream.writableLength;
      if (bytes === 0) continue;
      const before = this.#waiting.get(stream);
      const sinceMs = before?.bytes === bytes ? before.sinceMs : nowMs;
      if (nowMs - sinceMs < this.timeoutMs) {
        waiting ??= new Map();
        waiting.set(stream, { bytes, sinceMs });
        continue;
      }
      this.observer.refused("stall_timeout_ms");
      this.cancel(stream);
    }
    this.#waiting = waiting ?? NOTHING;
  }
}
