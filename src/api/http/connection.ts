import type { Socket } from "node:net";
import type { Principal } from "../../core/token.js";
import type { AdmittedConnection } from "../admission/admission.js";
import { cut, hangUp } from "./hang-up.js";
import type { NodeRequest } from "./node-http.js";

/** A younger connection has not had the time to show a token: some round trips, and the TLS handshake. */
const TOKEN_GRACE_MS = 2_000;

const NOTHING = () => undefined;

/** The connections of a port, as one of them sees its pool. */
export interface ConnectionPool {
  /** A stream of an unauthenticated connection has begun or ended. */
  streamsChanged(connection: Connection, change: 1 | -1): void;
  /** Counts a connection as its token's, so that it is not evicted. False when the token's share is used up. */
  claimShare(connection: Connection, principal: Principal): boolean;
  /** A connection's token has ended: it counts as unauthenticated again. */
  releaseShare(connection: Connection, principal: Principal): void;
  /** A connection is closed. */
  remove(connection: Connection): void;
}

/** One connection of a port, of either HTTP version. */
export class Connection implements AdmittedConnection {
  /** The token that it is counted for; null while it is unauthenticated. */
  principal: Principal | null = null;
  /** It was closed; what is still read from it is dropped. */
  isClosed = false;
  /** When its token ends, in milliseconds since 1970. */
  tokenEndsAtMs = Infinity;
  /** Requests in progress. */
  openStreams = 0;
  /** Asks for no more requests, and lets those in progress end; a no-op for HTTP/1.1. */
  startDrain: () => void = NOTHING;
  readonly #acceptedMs = performance.now();
  #isShared = false;
  #wasRefused = false;

  constructor(
    private readonly pool: ConnectionPool,
    readonly socket: Socket,
    readonly address: string,
  ) {}

  get isNew(): boolean {
    return performance.now() - this.#acceptedMs < TOKEN_GRACE_MS;
  }

  /** Whether it may be evicted: without a token so far, and open. */
  get isUnauthenticated(): boolean {
    return this.principal === null && !this.isClosed;
  }

  /** True once, so that a connection over a share is counted once. */
  get isFirstRefusal(): boolean {
    const isFirst = !this.#wasRefused;
    this.#wasRefused = true;
    return isFirst;
  }

  authenticated(principal: Principal): void {
    if (this.principal !== null) {
      if (this.principal.keyHash !== principal.keyHash) this.#isShared = true;
    } else if (!this.isClosed && this.pool.claimShare(this, principal)) {
      this.principal = principal;
      this.tokenEndsAtMs = principal.expiresAt === null ? Infinity : Date.parse(principal.expiresAt);
    }
  }

  /**
   * Its token has ended: it is closed when its last answers have been sent, or a moment later. A connection over which other keys came
   * too (a proxy's, or the new key of a rotated token) only counts as unauthenticated until the next valid one.
   */
  tokenEnded(): void {
    if (this.principal === null || this.isClosed) return;
    this.pool.releaseShare(this, this.principal);
    this.principal = null;
    this.tokenEndsAtMs = Infinity;
    if (this.#isShared) return;
    this.startDrain();
    // Not at once, even when it is idle: the client's next request may be on its way, and must get 401, not a reset.
    hangUp(this.socket);
  }

  began(): void {
    this.openStreams += 1;
    if (this.isUnauthenticated) this.pool.streamsChanged(this, 1);
  }

  ended(): void {
    this.openStreams -= 1;
    if (this.isUnauthenticated) this.pool.streamsChanged(this, -1);
  }

  /** Leaves the pool before its socket is closed, which comes later. */
  leave(): void {
    this.pool.remove(this);
  }

  destroy(): void {
    this.leave();
    cut(this.socket);
  }
}

const CONNECTION = Symbol("the connection of a socket or session");

interface Carrier {
  [CONNECTION]?: Connection;
}

/** Stores the connection of a socket or an HTTP/2 session. */
export function carry(carrier: object, connection: Connection): void {
  (carrier as Carrier)[CONNECTION] = connection;
}

/** The connection of a socket or a session. */
export function connectionOf(carrier: object | undefined): Connection | undefined {
  const carrying: Carrier | undefined = carrier;
  return carrying?.[CONNECTION];
}

/** The connection of a request; undefined when it is closed already. */
export function requestConnection(req: NodeRequest): Connection | undefined {
  return connectionOf("stream" in req ? req.stream.session : req.socket);
}
