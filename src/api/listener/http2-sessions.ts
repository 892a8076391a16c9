import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { LimitName, LimitObserver } from "../../core/limit.js";
import type { Connection } from "../http/connection.js";
import { closeSession, endSession, hangUp } from "../http/hang-up.js";
import { RefusedStreams, ResetAllowance, ResetCount } from "./http2-resets.js";
import { OpenStreams, Stalls } from "./http2-streams.js";
import type { ListenerLimits } from "./limits.js";

const LOOK_MS = 1_000;

const ignore = () => undefined;

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
 * Watches one HTTP/2 connection: ends it when its client cancels too many streams before they are answered, does not answer pings, or opens no stream for
 * long; cancels a stream whose body does not end in time (Node has a time-out for that in HTTP/1.1 only) or whose answer is not
 * taken. Tells what any limit refused, Node's own too.
 */
export function superviseSession(session: ServerHttp2Session, supervision: Supervision): void {
  const { limits, connection, observer } = supervision;
  const streams = new OpenStreams(session, limits.http2.maxConcurrentStreams);
  const refused = new RefusedStreams(session, observer);
  const resets = new ResetCount(limits.http2.maxResets, limits.http2.resetWindowMs);
  const allowance = new ResetAllowance(limits.http2.maxConcurrentStreams);
  const countResets = (count: number) => {
    if (count === 0 || !resets.tooMany(count) || session.destroyed || connection.isGone) return;
    observer.refused("max_stream_resets");
    connection.leave();
    endSession(session, connection.socket, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  // Without a listener a broken peer would end the process.
  session.on("error", (error: Error & { readonly code?: string; readonly errno?: number }) => {
    const limit = limitOf(error, streams.wereAll);
    if (limit !== null) observer.refused(limit);
  });
  const cancelled = new WeakSet<ServerHttp2Stream>();
  const cancel = (stream: ServerHttp2Stream) => {
    cancelled.add(stream);
    stream.close(constants.NGHTTP2_CANCEL);
  };
  session.on("stream", (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders) => {
    countResets(refused.before(stream.id ?? 0));
    streams.opened(stream);
    // What serves it may have no use for its errors, or not be there yet: one must not end the process.
    stream.on("error", ignore);
    connection.began();
    limitBodyTime(stream, limits.requestTimeoutMs, observer, cancel);
    stream.once("close", () => {
      const wasAnswered = streams.closed(stream);
      connection.ended();
      // In time: nghttp2 would say INTERNAL_ERROR, for which clients give up all that is open.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && allowance.spend()) closeSession(session);
      // Calls that end by their deadline, and watches, are cancelled by the best of clients.
      if (wasAnswered || cancelled.has(stream)) return;
      // Node answers too many resets with GOAWAY, but tells nobody and leaves the socket to the client.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) countResets(1);
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
    if (session.destroyed) {
      // Node leaves the socket of a session that has ended to the peer.
      clearInterval(interval);
      hangUp(connection.socket);
      return;
    }
    const idleMs = look();
    if (session.closed) {
      // After a GOAWAY of either side Node sends no pings that would find a peer that is gone.
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
      endSession(session, connection.socket, constants.NGHTTP2_NO_ERROR);
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
