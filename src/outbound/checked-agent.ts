import { Agent, type ClientRequestArgs, type RequestOptions } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Destination } from "./address-rules.js";
import { openSocket, type SocketRules } from "./open-socket.js";

/** A request through a {@link CheckedAgent}. */
export interface CheckedRequest extends RequestOptions {
  readonly destination: Destination;
  readonly port: number;
  readonly signal: AbortSignal;
  /** The same signal: Node keeps `signal` from agents. */
  readonly connectSignal: AbortSignal;
}

const IDLE_TIMEOUT_MS = 10_000;
const MAX_IDLE_SOCKETS = 4;

/**
 * Keeps connections open for the next request. Each was checked when it was opened, for one host and one organization, and serves
 * only these: what one organization may call is no way in for another.
 */
export class CheckedAgent extends Agent {
  readonly #addresses = new WeakMap<Duplex, string>();

  constructor(private readonly rules: SocketRules) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE_SOCKETS, timeout: IDLE_TIMEOUT_MS, scheduling: "lifo" });
  }

  /** The address that one of this agent's sockets was connected to and checked for. */
  addressOf(socket: Socket): string | undefined {
    return this.#addresses.get(socket);
  }

  /** What two requests must have in common to use one connection. */
  override getName(options?: RequestOptions): string {
    const { destination, port } = options as CheckedRequest;
    return JSON.stringify([destination.isSecure, destination.host, port, ...destination.orgs]);
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { destination, port, connectSignal } = options as CheckedRequest;
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    openSocket(destination, port, this.rules, connectSignal).then(
      ({ socket, address }) => {
        this.#addresses.set(socket, address);
        done(null, socket);
      },
      (error: Error) => done(error),
    );
  }
}
