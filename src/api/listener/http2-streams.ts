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

/** Counts in windows of time. */
export class ResetCount {
  private count = 0;
  private windowStart = performance.now();

  constructor(
    private readonly max: number,
    private readonly windowMs: number,
  ) {}

  tooMany(count: number): boolean {
    const now = performance.now();
    if (now - this.windowStart > this.windowMs) {
      this.windowStart = now;
      this.count = 0;
    }
    this.count += count;
    return this.count > this.max;
  }
}

/** What nghttp2 allows of RST_STREAM frames on a connection, answered or not: so many at once, and so many more each second. */
const NGHTTP2_BURST = 1_000;
const NGHTTP2_PER_SECOND = 33;

/** Knows when nghttp2 is about to end a connection for its resets, in time for the streams that are open to be reset too. */
export class ResetAllowance {
  readonly #reserve: number;
  #left = NGHTTP2_BURST;
  #countedMs = performance.now();

  constructor(maxStreams: number) {
    this.#reserve = Math.min(maxStreams + 50, NGHTTP2_BURST * 0.8);
  }

  /** Counts one more; says whether only the reserve is left. */
  spend(): boolean {
    const nowMs = performance.now();
    const gained = ((nowMs - this.#countedMs) / 1_000) * NGHTTP2_PER_SECOND;
    this.#left = Math.min(NGHTTP2_BURST, this.#left + gained) - 1;
    this.#countedMs = nowMs;
    return this.#left < this.#reserve;
  }
}
