import type { ServerHttp2Session } from "node:http2";
import type { LimitObserver } from "../../core/limit.js";

/** A client may leave out as many ids as it likes without having sent anything. */
const MAX_TOLD = 1_000;

/**
 * Finds the requests that Node refuses before anybody hears of them: headers over the limit, more than 128 of them, malformed ones. It
 * resets their streams and tells nobody; what shows is that their ids are missing (RFC 9113, section 5.1.1: a client counts by twos).
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
