import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { ListenerLimits } from "./limits.js";

const CLOSE_LINGER_MS = 5_000;

/**
 * Watches one HTTP/2 connection: ends it when its client cancels too many streams, does not answer pings, or opens no stream for
 * long; cancels a stream whose body does not end in time (Node has a time-out for that in HTTP/1.1 only).
 */
export function superviseSession(session: ServerHttp2Session, limits: ListenerLimits): void {
  // Without a listener a broken peer would end the process.
  session.on("error", () => session.destroy());
  const streams = new StreamCount();
  const resets = new ResetCount(limits.http2.maxResets, limits.http2.resetWindowMs);
  session.on("stream", (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders) => {
    streams.opened();
    limitBodyTime(stream, limits.requestTimeoutMs);
    stream.once("close", () => {
      streams.closed();
      // Node answers too many resets with GOAWAY, but tells nobody and leaves the socket to the client.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && resets.tooMany()) destroyCalmly(session);
    });
  });
  keepAlive(session, streams, limits);
}

/** Says GOAWAY and lets the open streams end. */
export function closeSession(session: ServerHttp2Session): void {
  if (!session.closed && !session.destroyed) session.close();
}

/** Gives the peer of a closed session some time to close its half of the connection, which it may never do. */
export function hangUp(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), CLOSE_LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
}

function destroyCalmly(session: ServerHttp2Session): void {
  if (!session.destroyed) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

class StreamCount {
  private open = 0;
  private idleSince = performance.now();

  opened(): void {
    this.open++;
  }

  closed(): void {
    this.open--;
    this.idleSince = performance.now();
  }

  get idleMs(): number {
    return this.open > 0 ? 0 : performance.now() - this.idleSince;
  }
}

class ResetCount {
  private count = 0;
  private windowStart = performance.now();

  constructor(
    private readonly max: number,
    private readonly windowMs: number,
  ) {}

  tooMany(): boolean {
    const now = performance.now();
    if (now - this.windowStart > this.windowMs) {
      this.windowStart = now;
      this.count = 0;
    }
    return ++this.count > this.max;
  }
}

function limitBodyTime(stream: ServerHttp2Stream, timeoutMs: number): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => {
    if (!stream.destroyed && stream.state.remoteClose === 0) stream.close(constants.NGHTTP2_CANCEL);
  }, timeoutMs);
  const stop = () => clearTimeout(timer);
  stream.once("end", stop);
  stream.once("close", stop);
}

function keepAlive(session: ServerHttp2Session, streams: StreamCount, limits: ListenerLimits): void {
  const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs } = limits.http2;
  let pingTimer: NodeJS.Timeout | undefined;
  const interval = setInterval(() => {
    if (session.destroyed || session.closed) return;
    if (streams.idleMs >= idleTimeoutMs) {
      closeSession(session);
      return;
    }
    if (pingTimer !== undefined) return;
    pingTimer = setTimeout(() => session.destroy(), pingTimeoutMs).unref();
    session.ping(() => {
      clearTimeout(pingTimer);
      pingTimer = undefined;
    });
  }, pingIntervalMs).unref();
  session.once("close", () => {
    clearInterval(interval);
    clearTimeout(pingTimer);
  });
}
