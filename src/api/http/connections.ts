import type { Socket } from "node:net";
import type { LimitObserver } from "../../core/limit.js";
import { addressKey } from "../admission-address.js";
import type { AdmittedConnection } from "../admission.js";
import { cut } from "./hang-up.js";
import type { ListenerLimits } from "./limits.js";
import type { NodeRequest } from "./node-http.js";

type ConnectionLimits = Pick<
  ListenerLimits,
  "maxConnections" | "maxConnectionsPerAddress" | "maxUnauthenticatedConnections" | "maxUnauthenticatedStreams"
>;

/** A connection that has been there for less has not yet had the time to show a token: some round trips, and the handshake of TLS. */
const TOKEN_GRACE_MS = 2_000;

/** How many there are now. */
export interface ConnectionCounts {
  readonly authenticated: number;
  readonly unauthenticated: number;
}

/**
 * The connections of a port. One over which a valid token came is never closed for another one. Those that have shown none share their
 * own places, and when these are full one of them makes room: the oldest that does nothing, or the oldest with a request when those
 * that do nothing have only just come. So whoever opens thousands closes his own.
 */
export class Connections {
  readonly #all = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  /** Without a token and without a request, longest so first. */
  readonly #idle = new Set<Connection>();
  /** Without a token, with a request, longest so first. */
  readonly #busy = new Set<Connection>();
  #unauthenticatedStreams = 0;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly observer: LimitObserver,
  ) {}

  get counts(): ConnectionCounts {
    const unauthenticated = this.#idle.size + this.#busy.size;
    return { authenticated: this.#all.size - unauthenticated, unauthenticated };
  }

  /** Takes a connection in. Undefined when there is no place for it: it is closed then. */
  accept(socket: Socket): Connection | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxUnauthenticatedConnections } = this.limits;
    const address = addressKey(socket.remoteAddress ?? "");
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= maxConnectionsPerAddress) {
      this.observer.refused("max_connections_per_address");
      socket.destroy();
      return undefined;
    }
    if (this.#all.size >= maxConnections) {
      this.observer.refused("max_connections");
      if (!this.#makeRoom()) {
        socket.destroy();
        return undefined;
      }
    } else if (this.#idle.size + this.#busy.size >= maxUnauthenticatedConnections) {
      this.observer.refused("max_unauthenticated_connections");
      this.#makeRoom();
    }
    const connection = new Connection(this, socket, address);
    this.#all.add(connection);
    this.#idle.add(connection);
    this.#perAddress.set(address, ofAddress + 1);
    socket.once("close", () => this.leave(connection));
    return connection;
  }

  /** For connections themselves: a stream of one without a token has begun or ended. */
  streamsChanged(connection: Connection, change: 1 | -1): void {
    this.#unauthenticatedStreams += change;
    if (connection.openStreams === 0) {
      this.#busy.delete(connection);
      this.#idle.add(connection);
    } else if (change === 1 && connection.openStreams === 1) {
      this.#idle.delete(connection);
      this.#busy.add(connection);
    }
    if (this.#unauthenticatedStreams <= this.limits.maxUnauthenticatedStreams) return;
    this.observer.refused("max_unauthenticated_streams");
    this.#drop(this.#busiest());
  }

  /** For connections themselves: one is no longer among those without a token. */
  known(connection: Connection): void {
    this.#idle.delete(connection);
    this.#busy.delete(connection);
    this.#unauthenticatedStreams -= connection.openStreams;
  }

  /** For connections themselves: one is gone. */
  leave(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    if (connection.isUnknown) this.known(connection);
    connection.isUnknown = false;
    connection.isGone = true;
    const left = (this.#perAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(connection.address);
    else this.#perAddress.set(connection.address, left);
  }

  /** False when all have shown a token. */
  #makeRoom(): boolean {
    const [idle] = this.#idle;
    const [busy] = this.#busy;
    const isBusyNext = idle === undefined || (idle.isNew && busy !== undefined && !busy.isNew);
    const next = isBusyNext ? busy : idle;
    this.#drop(next);
    return next !== undefined;
  }

  #drop(connection: Connection | undefined): void {
    connection?.destroy();
  }

  #busiest(): Connection | undefined {
    let busiest: Connection | undefined;
    for (const connection of this.#busy) {
      if (busiest === undefined || connection.openStreams > busiest.openStreams) busiest = connection;
    }
    return busiest;
  }
}

/** One connection of a port, whatever it speaks. */
export class Connection implements AdmittedConnection {
  /** No valid token has come over it, and it is still there. */
  isUnknown = true;
  /** It was closed; what is still read of it is nobody's. */
  isGone = false;
  /** Requests that are under way. */
  openStreams = 0;
  readonly #acceptedMs = performance.now();

  constructor(
    private readonly room: Connections,
    readonly socket: Socket,
    readonly address: string,
  ) {}

  get isNew(): boolean {
    return performance.now() - this.#acceptedMs < TOKEN_GRACE_MS;
  }

  authenticated(): void {
    if (!this.isUnknown) return;
    this.isUnknown = false;
    this.room.known(this);
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
  return (carrier as Carrier | undefined)?.[CONNECTION];
}

/** The connection that a request came over; undefined when it is gone already. */
export function requestConnection(req: NodeRequest): Connection | undefined {
  return connectionOf("stream" in req ? req.stream.session : req.socket);
}
