import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { LimitName, LimitObserver } from "../../core/limit.js";
import type { Connection } from "./connections.js";
import { RefusedStreams } from "./http2-refused.js";
import { Stalls } from "./http2-stalls.js";
import type { ListenerLimits } from "./limits.js";

const CLOSE_LINGER_MS = 5_000;
const LOOK_MS = 1_000;

/** What Node ends a connection with by itself, by nghttp2's number of the error. */
const ENDED_BY_NODE: Readonly<Record<number, LimitName>> = { [-904]: "http2_flood", [-905]: "http2_continuations" };

const PROTOCOL_ERROR = -505;

/** A request that Node had no place for, by their number or by their memory: after a hundred of them it ends the connection. */
const CALLBACK_FAILURE = -902;

/** What a session is watched with. */
export interface Supervision {
  readonly limits: ListenerLimits;
  readonly connection: Connection;
  readonly observer: LimitObserver;
}

/**
 * Watches one HTTP/2 connection: ends it when its client cancels too many streams, does not answer pings, or opens no stream for
 * long; cancels a stream whose body does not end in time (Node has a time-out for that in HTTP/1.1 only) or whose answer is not
 * taken. Tells what any limit refused, Node's own too.
 */
export function superviseSession(session: ServerHttp2Session, supervision: Supervision): void {
  const { limits, connection, observer } = supervision;
  const streams = new OpenStreams(session, limits.http2.maxConcurrentStreams);
  const refused = new RefusedStreams(session, observer);
  const resets = new ResetCount(limits.http2.maxResets, limits.http2.resetWindowMs);
  const countResets = (count: number) => {
    if (count === 0 || !resets.tooMany(count) || session.destroyed) return;
    observer.refused("max_stream_resets");
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  // Without a listener a broken peer would end the process.
  session.on("error", (error: Error & { readonly code?: string; readonly errno?: number }) => {
    const limit = limitOf(error, streams.wereAll);
    if (limit !== null) observer.refused(limit);
    session.destroy();
  });
  const cancelled = new WeakSet<ServerHttp2Stream>();
  const cancel = (stream: ServerHttp2Stream) => {
    cancelled.add(stream);
    stream.close(constants.NGHTTP2_CANCEL);
  };
  session.on("stream", (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders) => {
    countResets(refused.before(stream.id ?? 0));
    streams.opened(stream);
    connection.began();
    limitBodyTime(stream, limits.requestTimeoutMs, observer, cancel);
    stream.once("close", () => {
      streams.closed(stream);
      connection.ended();
      // Node answers too many resets with GOAWAY, but tells nobody and leaves the socket to the client.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && !cancelled.has(stream)) countResets(1);
    });
  });
  const stalls = new Stalls(limits.stallTimeoutMs, observer, cancel);
  const lookForRefused = () => countResets(refused.sinceNewest());
  whileUnknown(session, connection, lookForRefused);
  keepAlive(session, supervision, () => {
    lookForRefused();
    countResets(streams.endAbandoned());
    stalls.look(streams.open);
    return streams.idleMs;
  });
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

/** Which limit Node kept when it ended a session; null for a peer that is broken or gone. */
function limitOf({ code, errno = 0 }: { code?: string; errno?: number }, isFull: boolean): LimitName | null {
  const hasInvalidFrames = code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES";
  // A stream too many is to HTTP/2 an error like any other (RFC 9113, section 5.1.2).
  if (isFull && (hasInvalidFrames || errno === PROTOCOL_ERROR || errno === CALLBACK_FAILURE)) {
    return "max_streams_per_connection";
  }
  if (hasInvalidFrames) return "max_invalid_frames";
  if (errno === CALLBACK_FAILURE) return "max_session_mib";
  return ENDED_BY_NODE[errno] ?? null;
}

class OpenStreams {
  readonly open = new Set<ServerHttp2Stream>();
  /** As many as may be were open; when the session has ended: just before that. */
  wereAll = false;
  private idleSince = performance.now();

  constructor(
    private readonly session: ServerHttp2Session,
    private readonly max: number,
  ) {}

  opened(stream: ServerHttp2Stream): void {
    this.open.add(stream);
    if (this.open.size >= this.max) this.wereAll = true;
  }

  closed(stream: ServerHttp2Stream): void {
    this.open.delete(stream);
    // The end of a session ends its streams before it tells why.
    if (!this.session.destroyed) this.wereAll = false;
    this.idleSince = performance.now();
  }

  /**
   * Ends the streams that the client has reset without an error (RFC 9113, section 8.1), and says how many. Node waits for their answers
   * to be sent, which can be no more, and counts them among those that the client may have open.
   */
  endAbandoned(): number {
    let count = 0;
    for (const stream of this.open) {
      if (!stream.closed || stream.destroyed) continue;
      stream.destroy();
      count += 1;
    }
    return count;
  }

  get idleMs(): number {
    return this.open.size > 0 ? 0 : performance.now() - this.idleSince;
  }
}

class ResetCount {
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

function limitBodyTime(
  stream: ServerHttp2Stream,
  timeoutMs: number,
  observer: LimitObserver,
  cancel: (stream: ServerHttp2Stream) => void,
): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => {
    if (stream.destroyed || stream.state.remoteClose !== 0) return;
    observer.refused("request_timeout_ms");
    cancel(stream);
  }, timeoutMs);
  const stop = () => clearTimeout(timer);
  stream.once("end", stop);
  stream.once("close", stop);
}

/** Looks more often as long as nobody knows who it is. */
function whileUnknown(session: ServerHttp2Session, connection: Connection, look: () => void): void {
  const interval = setInterval(() => {
    if (session.destroyed || !connection.isUnknown) clearInterval(interval);
    else look();
  }, LOOK_MS).unref();
  session.once("close", () => clearInterval(interval));
}

/** @param look called at each ping: says how long the connection has had no stream. */
function keepAlive(
  session: ServerHttp2Session,
  { limits, connection, observer }: Supervision,
  look: () => number,
): void {
  const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs } = limits.http2;
  let pingTimer: NodeJS.Timeout | undefined;
  let closingSinceMs: number | undefined;
  const interval = setInterval(() => {
    if (session.destroyed) return;
    const idleMs = look();
    if (session.destroyed) return;
    if (session.closed) {
      // After a GOAWAY of either side Node sends no pings that would find a peer that is gone, and leaves the socket to the peer.
      closingSinceMs ??= performance.now();
      if (performance.now() - closingSinceMs >= idleTimeoutMs) connection.destroy();
      return;
    }
    if (idleMs >= idleTimeoutMs) {
      closeSession(session);
      return;
    }
    if (pingTimer !== undefined) return;
    pingTimer = setTimeout(() => {
      observer.refused("ping_timeout_ms");
      session.destroy();
    }, pingTimeoutMs).unref();
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
