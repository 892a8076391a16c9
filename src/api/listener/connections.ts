import type { Socket } from "node:net";
import type { LimitObserver } from "../../core/limit.js";
import { addressKey } from "../admission/admission-address.js";
import type { Principal } from "../../core/token.js";
import { Connection, type ConnectionPool } from "../http/connection.js";
import { ConnectionShares } from "./connection-shares.js";
import type { ListenerLimits } from "./limits.js";

type ConnectionLimits = Pick<
  ListenerLimits,
  | "maxConnections"
  | "maxConnectionsPerAddress"
  | "maxConnectionsPerToken"
  | "maxUnauthenticatedConnections"
  | "maxUnauthenticatedStreams"
>;

/** The connections that are open now. */
export interface ConnectionCounts {
  readonly authenticated: number;
  readonly unauthenticated: number;
}

/**
 * The connections of a port. One with a valid token is authenticated, within the shares of its token and of its kind, and is never
 * evicted. Unauthenticated connections share a pool. When it is full, the oldest idle one is evicted, or the oldest with a request when
 * the idle ones have only just come: a client that opens thousands evicts its own.
 */
export class Connections implements ConnectionPool {
  readonly #all = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  /** Unauthenticated, without a request; longest so first. */
  readonly #idle = new Set<Connection>();
  /** Unauthenticated, with a request; longest so first. */
  readonly #busy = new Set<Connection>();
  readonly #shares: ConnectionShares;
  #unauthenticatedStreams = 0;

  constructor(
    private readonly limits: ConnectionLimits,
    private readonly observer: LimitObserver,
  ) {
    this.#shares = new ConnectionShares(limits.maxConnections, limits.maxConnectionsPerToken);
  }

  get counts(): ConnectionCounts {
    const unauthenticated = this.#idle.size + this.#busy.size;
    return { authenticated: this.#all.size - unauthenticated, unauthenticated };
  }

  /** Takes a connection in, until `leave`. Undefined when the limit is reached: it is closed then. */
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
      if (!this.#evict()) {
        socket.destroy();
        return undefined;
      }
    } else if (this.#idle.size + this.#busy.size >= maxUnauthenticatedConnections) {
      this.observer.refused("max_unauthenticated_connections");
      this.#evict();
    }
    const connection = new Connection(this, socket, address);
    this.#all.add(connection);
    this.#idle.add(connection);
    this.#perAddress.set(address, ofAddress + 1);
    return connection;
  }

  /** See ConnectionPool. */
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

  /** Ends the connections of tokens that are over, or that will be at an instant; null is now. */
  endTokens(isOver: (principal: Principal) => boolean, at: Date | null): void {
    for (const connection of this.#all) {
      if (connection.principal === null || !isOver(connection.principal)) continue;
      if (at === null) connection.tokenEnded();
      else connection.tokenEndsAtMs = Math.min(connection.tokenEndsAtMs, at.getTime());
    }
  }

  /** Ends the connections of tokens that have expired. */
  endExpired(nowMs: number): void {
    for (const connection of this.#all) if (connection.tokenEndsAtMs <= nowMs) connection.tokenEnded();
  }

  /** See ConnectionPool. */
  claimShare(connection: Connection, principal: Principal): boolean {
    if (!this.#shares.take(principal)) {
      if (connection.isFirstRefusal) this.observer.refused("max_connections_per_token");
      return false;
    }
    this.#leaveUnauthenticated(connection);
    return true;
  }

  /** See ConnectionPool. */
  releaseShare(connection: Connection, principal: Principal): void {
    this.#shares.giveBack(principal);
    (connection.openStreams === 0 ? this.#idle : this.#busy).add(connection);
    this.#unauthenticatedStreams += connection.openStreams;
  }

  /** See ConnectionPool. */
  remove(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    if (connection.principal === null) this.#leaveUnauthenticated(connection);
    else this.#shares.giveBack(connection.principal);
    connection.isClosed = true;
    const left = (this.#perAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(connection.address);
    else this.#perAddress.set(connection.address, left);
  }

  /** Evicts an unauthenticated connection; false when there is none. */
  #evict(): boolean {
    const [idle] = this.#idle;
    const [busy] = this.#busy;
    const isBusyNext = idle === undefined || (idle.isNew && busy !== undefined && !busy.isNew);
    const next = isBusyNext ? busy : idle;
    this.#drop(next);
    return next !== undefined;
  }

  #leaveUnauthenticated(connection: Connection): void {
    this.#idle.delete(connection);
    this.#busy.delete(connection);
    this.#unauthenticatedStreams -= connection.openStreams;
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
