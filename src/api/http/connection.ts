import type { Socket } from "node:net";
import type { Principal } from "../../core/token.js";
import type { AdmittedConnection } from "../admission/admission.js";
import { cut, hangUp } from "./hang-up.js";
import type { NodeRequest } from "./node-http.js";

/** A connection that has been there for less has not yet had the time to show a token: some round trips, and the handshake of TLS. */
const TOKEN_GRACE_MS = 2_000;

const NOTHING = () => undefined;

/** Where a connection has its place. */
export interface ConnectionOwner {
  /** A stream of one that is unknown has begun or ended. */
  streamsChanged(connection: Connection, change: 1 | -1): void;
  /** Whether a token makes one known, for which it needs a place among its like. */
  know(connection: Connection, principal: Principal): boolean;
  /** The token of one has ended. */
  forget(connection: Connection, principal: Principal): void;
  /** One is gone. */
  leave(connection: Connection): void;
}

/** One connection of a port, whatever it speaks. */
export class Connection implements AdmittedConnection {
  /** Whose valid token came over it, while there is a place for it among those that are known. */
  principal: Principal | null = null;
  /** It was closed; what is still read of it is nobody's. */
  isGone = false;
  /** When that token is over, in milliseconds since 1970. */
  endsAtMs = Infinity;
  /** Requests that are under way. */
  openStreams = 0;
  /** Says that no more requests are wanted, and lets those end that are under way; for what can say so. */
  startDrain: () => void = NOTHING;
  readonly #acceptedMs = performance.now();
  #isShared = false;
  #wasRefused = false;

  constructor(
    private readonly room: ConnectionOwner,
    readonly socket: Socket,
    readonly address: string,
  ) {}

  get isNew(): boolean {
    return performance.now() - this.#acceptedMs < TOKEN_GRACE_MS;
  }

  /** It is among those of which one makes room, and it is still there. */
  get isUnknown(): boolean {
    return this.principal === null && !this.isGone;
  }

  /** Once, so that a connection that stays without a place is counted once. */
  get isFirstRefusal(): boolean {
    const isFirst = !this.#wasRefused;
    this.#wasRefused = true;
    return isFirst;
  }

  authenticated(principal: Principal): void {
    if (this.principal !== null) {
      if (this.principal.keyHash !== principal.keyHash) this.#isShared = true;
    } else if (!this.isGone && this.room.know(this, principal)) {
      this.principal = principal;
      this.endsAtMs = principal.expiresAt === null ? Infinity : Date.parse(principal.expiresAt);
    }
  }

  /**
   * The token that made it known is over: so is the connection, when its last answers have gone out or a moment later. One over
   * which other keys came too (a proxy's, or the new key of a rotated token) is only known no longer, until the next one comes.
   */
  tokenEnded(): void {
    if (this.principal === null || this.isGone) return;
    this.room.forget(this, this.principal);
    this.principal = null;
    this.endsAtMs = Infinity;
    if (this.#isShared) return;
    this.startDrain();
    // Not at once, even when it is idle: the client's next request may be on its way, and shall hear 401, not a reset.
    hangUp(this.socket);
  }

  began(): void {
    this.openStreams += 1;
    if (this.isUnknown) this.room.streamsChanged(this, 1);
  }

  ended(): void {
    this.openStreams -= 1;
    if (this.isUnknown) this.room.streamsChanged(this, -1);
  }

  /** Gives its place up before its socket is closed, which comes later. */
  leave(): void {
    this.room.leave(this);
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

/** Lets a socket or an HTTP/2 session tell its connection. */
export function carry(carrier: object, connection: Connection): void {
  (carrier as Carrier)[CONNECTION] = connection;
}

/** The connection of what carries one. */
export function connectionOf(carrier: object | undefined): Connection | undefined {
  const carrying: Carrier | undefined = carrier;
  return carrying?.[CONNECTION];
}

/** The connection that a request came over; undefined when it is gone already. */
export function requestConnection(req: NodeRequest): Connection | undefined {
  return connectionOf("stream" in req ? req.stream.session : req.socket);
}
