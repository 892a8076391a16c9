import type { ServerHttp2Session } from "node:http2";
import type { LimitObserver } from "../../core/limit.js";

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

/** A client may leave out as many ids as it likes without having sent anything. */
const MAX_TOLD = 1_000;

/**
 * Finds the requests that Node refuses before the server sees them: headers over the limit, more than 128 of them, malformed ones. It
 * resets their streams silently; only their ids are missing (RFC 9113, section 5.1.1: a client counts by twos).
 */
export class RefusedStreams {
  #newestId = -1;

  constructor(
    private readonly session: ServerHttp2Session,
    private readonly observer: LimitObserver,
  ) {}

  /** A stream reached the server: how many between the last one and it did not. */
  before(id: number): number {
    const count = this.#skippedTo(id - 2);
    this.#newestId = id;
    return count;
  }

  /** How many came after the newest that reached the server, or that was asked for. */
  sinceNewest(): number {
    return this.#skippedTo(this.session.state.lastProcStreamID ?? 0);
  }

  #skippedTo(id: number): number {
    const count = Math.min(Math.floor((id - this.#newestId) / 2), MAX_TOLD);
    if (count <= 0) return 0;
    this.#newestId = id;
    for (let each = 0; each < count; each += 1) this.observer.refused("http2_refused_streams");
    return count;
  }
}
