import { createServer, type AddressInfo, type Socket } from "node:net";
import type { Principal } from "../../core/token.js";
import type { LimitObserver } from "../../core/limit.js";
import type { Connection } from "../http/connection.js";
import { refuseConnection } from "./connection-refusal.js";
import { Connections, type ConnectionCounts } from "./connections.js";
import { createHttp1Server } from "./http1-server.js";
import { createHttp2Server } from "./http2-server.js";
import type { ListenerLimits } from "./limits.js";
import type { RequestListener } from "../http/node-http.js";
import { peekVersion, type WireVersion } from "./preface.js";
import type { TlsTermination } from "./tls-termination.js";

/** How often connections are looked for whose token has expired. */
const EXPIRY_LOOK_MS = 10_000;

/** One port for HTTP/1.1 and HTTP/2, either with TLS or without. */
export interface Listener extends AsyncDisposable {
  /** Resolves when connections are accepted; rejects when the port is taken. Port 0 is any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Throws before `listen` resolved. */
  readonly address: AddressInfo;
  readonly connections: ConnectionCounts;
  /** Ends the connections that tokens opened which are over, or will be at an instant; null is now. */
  endTokens(isOver: (principal: Principal) => boolean, at: Date | null): void;
  /**
   * Accepts nothing more, says GOAWAY, closes idle connections, and waits up to `graceMs` for requests in flight; then destroys
   * what is left. Streams end only when their implementation does: abort its signal first. Never rejects.
   */
  close(graceMs: number): Promise<void>;
}

/** The options of a port. */
export interface ListenerOptions {
  /** Null serves without TLS. With it, a client without TLS gets an error that says so. */
  readonly tls: TlsTermination | null;
  readonly observer: LimitObserver;
}

/** Tells HTTP/1.1 and HTTP/2 apart, by a connection's first bytes or with TLS by ALPN, and gives the requests of both to `handle`. */
export function createListener(
  handle: RequestListener,
  limits: ListenerLimits,
  { tls, observer }: ListenerOptions,
): Listener {
  const connections = new Connections(limits, observer);
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const http1 = createHttp1Server(handle, limits, observer);
  const http2 = createHttp2Server(handle, limits, observer);
  // Each function once for all connections: closures of each would be memory that a fleet has ten thousand times.
  const serve = (readable: Socket, connection: Connection, version: "http1" | "http2") => {
    undecided.delete(connection.socket);
    // HTTP/2 has no half-closed connections; HTTP/1.1 clients may close their half and still wait for the answer.
    if (version === "http2") readable.allowHalfOpen = false;
    (version === "http2" ? http2 : http1).accept(readable, connection);
  };
  const tooSlow = () => observer.refused("first_bytes_timeout_ms");
  const decided = (connection: Connection, version: WireVersion) => {
    const { socket } = connection;
    // Without TLS its handshake is as good as any other garbage.
    if (tls === null) serve(socket, connection, version === "tls" ? "http1" : version);
    else if (version === "tls") tls.accept(socket, (readable, wire) => serve(readable, connection, wire), tooSlow);
    else refuseConnection(socket, version, "this port speaks TLS: use https");
  };
  const net = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // Each server has a listener of its own; until then a reset must not end the process.
    socket.on("error", destroyThis);
    const connection = connections.accept(socket);
    if (connection === undefined) return;
    sockets.add(socket);
    undecided.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
      connections.remove(connection);
    });
    peekVersion(socket, limits.firstBytesTimeoutMs, (version) => decided(connection, version), tooSlow);
  });

  const expiry = setInterval(() => connections.endExpired(Date.now()), EXPIRY_LOOK_MS).unref();

  const close = async (graceMs: number) => {
    clearInterval(expiry);
    const closed = new Promise<void>((resolve) => net.close(() => resolve()));
    for (const socket of undecided) socket.destroy();
    http1.drain();
    http2.drain();
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  };

  return {
    listen: async (host, port) => {
      await new Promise<void>((resolve, reject) => {
        net.once("error", reject);
        net.listen({ port, host, backlog: limits.maxBacklog }, resolve);
      });
      // A connection that the system could not hand over, for want of a descriptor, must not end the process.
      net.on("error", () => observer.refused("open_files"));
      return addressOf(net.address());
    },
    get address() {
      return addressOf(net.address());
    },
    get connections() {
      return connections.counts;
    },
    endTokens: (isOver, at) => connections.endTokens(isOver, at),
    close,
    [Symbol.asyncDispose]: () => close(0),
  };
}

function destroyThis(this: Socket): void {
  this.destroy();
}

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address;
}
