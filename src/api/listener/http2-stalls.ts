import type { ServerHttp2Stream } from "node:http2";
import type { LimitObserver } from "../../core/limit.js";

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
