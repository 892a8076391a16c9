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
  #sinceLastLook = 0;

  constructor(
    private readonly session: ServerHttp2Session,
    private readonly observer: LimitObserver,
  ) {}

  /** A stream reached the server: those between the last one and it did not. */
  before(id: number): void {
    this.#skippedTo(id - 2);
    this.#newestId = id;
  }

  /** How many were refused since this was asked last; also those after the newest that reached the server. */
  sinceLastLook(): number {
    this.#skippedTo(this.session.state.lastProcStreamID ?? 0);
    const count = this.#sinceLastLook;
    this.#sinceLastLook = 0;
    return count;
  }

  #skippedTo(id: number): void {
    const count = Math.min(Math.floor((id - this.#newestId) / 2), MAX_TOLD);
    if (count <= 0) return;
    this.#newestId = id;
    this.#sinceLastLook += count;
    for (let each = 0; each < count; each += 1) this.observer.refused("http2_refused_streams");
  }
}
