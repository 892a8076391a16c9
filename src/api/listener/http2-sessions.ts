import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { LimitName, LimitObserver } from "../../core/limit.js";
import { TimerWheel, type Timed } from "../../core/schedule/timer-wheel.js";
import type { Connection } from "../http/connection.js";
import { closeSession, endSession, hangUp } from "../http/hang-up.js";
import { RefusedStreams, ResetAllowance, ResetCount } from "./http2-resets.js";
import { OpenStreams, Stalls, type OpenStream } from "./http2-streams.js";
import type { ListenerLimits } from "./limits.js";

/** How often a connection without a token is looked at. */
const UNAUTHENTICATED_LOOK_MS = 1_000;

/** How many times a body is looked at before its time is over. */
const BODY_LOOKS = 4;

/** The limits by which Node ends a connection, by nghttp2's number of the error. */
const ENDED_BY_NODE: Readonly<Record<number, LimitName>> = { [-904]: "http2_flood", [-905]: "http2_continuations" };

const PROTOCOL_ERROR = -505;

/** For a request above the limit of streams or of memory: after a hundred of them Node ends the connection. */
const CALLBACK_FAILURE = -902;

const SUPERVISED = Symbol("the supervision of a session");

type Session = ServerHttp2Session & { [SUPERVISED]?: SupervisedSession };

// One function for all sessions: closures for each would be memory that a fleet has ten thousand times.
function onError(this: Session, error: Error & { readonly code?: string; readonly errno?: number }): void {
  this[SUPERVISED]?.failed(error);
}

function onStream(this: Session, stream: ServerHttp2Stream): void {
  this[SUPERVISED]?.began(stream);
}

function onClose(this: Session): void {
  this[SUPERVISED]?.closed();
}

function ignore(): void {
  // A stream's error must not end the process, also while no handler listens to it.
}

/**
 * Supervises the HTTP/2 connections of a port, with one timer for all. Ends a connection whose client cancels too many streams before they
 * are answered, does not answer pings, or opens no stream for long; cancels a stream whose body does not end in time (Node has a time-out
 * for that in HTTP/1.1 only) or whose answer is not taken. Reports what any limit refused, Node's own too.
 */
export class SessionSupervisor {
  readonly stalls: Stalls;
  readonly lookMs: number;
  readonly #sessions = new Set<SupervisedSession>();
  readonly #cancelled = new WeakSet<ServerHttp2Stream>();
  readonly #wheel: TimerWheel<SupervisedSession>;

  constructor(
    readonly limits: ListenerLimits,
    readonly observer: LimitObserver,
  ) {
    this.lookMs = Math.min(limits.http2.pingIntervalMs, limits.requestTimeoutMs / BODY_LOOKS);
    this.stalls = new Stalls(limits.stallTimeoutMs);
    this.#wheel = new TimerWheel(this.lookMs, (due) => {
      for (const session of due) if (session.look(performance.now())) this.#wheel.add(session);
    });
  }

  /** Supervises a session until it closes. */
  add(session: ServerHttp2Session, connection: Connection): void {
    const supervised = new SupervisedSession(this, session, connection);
    this.#sessions.add(supervised);
    this.#wheel.add(supervised);
  }

  /** Sends GOAWAY on every connection, and lets open streams end. */
  drain(): void {
    for (const { session } of this.#sessions) closeSession(session);
  }

  /** Resets a stream for the server's own reasons, which is not counted as its client's reset. */
  cancel(stream: ServerHttp2Stream, limit: LimitName): void {
    this.observer.refused(limit);
    this.#cancelled.add(stream);
    stream.close(constants.NGHTTP2_CANCEL);
  }

  hasCancelled(stream: ServerHttp2Stream): boolean {
    return this.#cancelled.has(stream);
  }

  closed(session: SupervisedSession): void {
    this.#sessions.delete(session);
    this.#wheel.delete(session);
  }
}

class SupervisedSession implements Timed {
  slot = 0;
  dueAtMs: number;
  readonly #streams: OpenStreams;
  readonly #refused: RefusedStreams;
  // Most clients never reset a stream.
  #resets: ResetCount | null = null;
  #allowance: ResetAllowance | null = null;
  #nextPingMs: number;
  /** When an answer to the last ping is overdue; Infinity when it was answered. */
  #pongByMs = Infinity;
  #closingSinceMs: number | null = null;

  constructor(
    private readonly port: SessionSupervisor,
    readonly session: Session,
    private readonly connection: Connection,
  ) {
    const nowMs = performance.now();
    this.#streams = new OpenStreams(session, port.limits.http2.maxConcurrentStreams);
    this.#refused = new RefusedStreams(session, port.observer);
    this.#nextPingMs = nowMs + port.limits.http2.pingIntervalMs;
    this.dueAtMs = this.#nextLookMs(nowMs);
    session[SUPERVISED] = this;
    // Without a listener a broken peer would end the process.
    session.on("error", onError);
    session.on("stream", onStream);
    session.on("close", onClose);
  }

  failed(error: { readonly code?: string; readonly errno?: number }): void {
    const limit = limitOf(error, this.#streams.wereAll);
    if (limit !== null) this.port.observer.refused(limit);
  }

  began(stream: ServerHttp2Stream): void {
    this.#countResets(this.#refused.before(stream.id ?? 0));
    const open = this.#streams.opened(stream);
    stream.on("error", ignore);
    this.connection.began();
    stream.on("close", () => this.#ended(open));
  }

  closed(): void {
    this.port.closed(this);
  }

  /** Looks at what is overdue. False when the session is over. */
  look(nowMs: number): boolean {
    const { session, connection, port } = this;
    const { limits } = port;
    if (session.destroyed) {
      // Node leaves the socket of a session that has ended to the peer.
      hangUp(connection.socket);
      return false;
    }
    this.#countResets(this.#refused.sinceNewest() + this.#streams.endAbandoned());
    this.#cancelOverdue(nowMs);
    this.dueAtMs = this.#nextLookMs(nowMs);
    if (session.closed) {
      // After a GOAWAY of either side Node sends no pings, so a dead peer is not noticed.
      this.#closingSinceMs ??= nowMs;
      if (nowMs - this.#closingSinceMs >= limits.http2.idleTimeoutMs) connection.destroy();
    } else if (nowMs >= this.#pongByMs) {
      port.observer.refused("ping_timeout_ms");
      endSession(session, connection.socket, constants.NGHTTP2_NO_ERROR);
    } else if (this.#streams.idleMs >= limits.http2.idleTimeoutMs) {
      closeSession(session);
    } else if (nowMs >= this.#nextPingMs && this.#pongByMs === Infinity) {
      this.#ping(nowMs);
    }
    return true;
  }

  #ended(open: OpenStream): void {
    const { stream } = open;
    const wasAnswered = this.#streams.closed(open);
    this.connection.ended();
    if (stream.rstCode === constants.NGHTTP2_NO_ERROR) return;
    // Before nghttp2 would: its INTERNAL_ERROR makes clients give up all open streams.
    this.#allowance ??= new ResetAllowance(this.port.limits.http2.maxConcurrentStreams);
    if (this.#allowance.spend()) closeSession(this.session);
    // Well-behaved clients cancel watches, and calls whose deadline has passed.
    if (wasAnswered || this.port.hasCancelled(stream)) return;
    // Node answers too many resets with GOAWAY, but reports nothing and leaves the socket to the client.
    this.#countResets(1);
  }

  #countResets(count: number): void {
    const { session, connection, port } = this;
    if (count === 0) return;
    this.#resets ??= new ResetCount(port.limits.http2.maxResets, port.limits.http2.resetWindowMs);
    if (!this.#resets.tooMany(count) || session.destroyed || connection.isClosed) return;
    port.observer.refused("max_stream_resets");
    connection.leave();
    endSession(session, connection.socket, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #cancelOverdue(nowMs: number): void {
    const { stalls, limits } = this.port;
    for (const { stream, begunMs } of this.#streams.open) {
      const mayBeOverdue = nowMs - begunMs >= limits.requestTimeoutMs && !stream.readableEnded && !stream.destroyed;
      if (mayBeOverdue && stream.state.remoteClose === 0) this.port.cancel(stream, "request_timeout_ms");
      else if (stalls.isStalled(stream, nowMs)) this.port.cancel(stream, "stall_timeout_ms");
    }
  }

  #ping(nowMs: number): void {
    const { pingIntervalMs, pingTimeoutMs } = this.port.limits.http2;
    this.#nextPingMs = nowMs + pingIntervalMs;
    this.#pongByMs = nowMs + pingTimeoutMs;
    this.dueAtMs = Math.min(this.dueAtMs, this.#pongByMs);
    this.session.ping(() => {
      this.#pongByMs = Infinity;
      this.dueAtMs = this.#nextLookMs(performance.now());
    });
  }

  #nextLookMs(nowMs: number): number {
    const waitMs = this.connection.isUnauthenticated
      ? Math.min(UNAUTHENTICATED_LOOK_MS, this.port.lookMs)
      : this.port.lookMs;
    return Math.min(nowMs + waitMs, this.#pongByMs, this.#nextBodyTimeoutMs(nowMs));
  }

  /** When the time of the next body ends. A body that begins before the next look ends after it: a look comes four times as often. */
  #nextBodyTimeoutMs(nowMs: number): number {
    let nextMs = Infinity;
    for (const { stream, begunMs } of this.#streams.open) {
      const endMs = begunMs + this.port.limits.requestTimeoutMs;
      if (endMs > nowMs && !stream.readableEnded) nextMs = Math.min(nextMs, endMs);
    }
    return nextMs;
  }
}

/** The limit by which Node ended a session; null for a peer that is broken or has disconnected. */
function limitOf({ code, errno = 0 }: { code?: string; errno?: number }, isFull: boolean): LimitName | null {
  const hasInvalidFrames = code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES";
  // HTTP/2 has no error code of its own for a stream too many (RFC 9113, section 5.1.2).
  if (isFull && (hasInvalidFrames || errno === PROTOCOL_ERROR || errno === CALLBACK_FAILURE)) {
    return "max_streams_per_connection";
  }
  if (hasInvalidFrames) return "max_invalid_frames";
  if (errno === CALLBACK_FAILURE) return "max_session_mib";
  return ENDED_BY_NODE[errno] ?? null;
}
