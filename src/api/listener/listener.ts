import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2, type ServerHttp2Session } from "node:http2";
import { createServer as createNet, type AddressInfo, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Principal } from "../../core/token.js";
import type { LimitObserver } from "../../core/limit.js";
import { refuseConnection } from "./connection-refusal.js";
import { carry, connectionOf, type Connection } from "../http/connection.js";
import { Connections, type ConnectionCounts } from "./connections.js";
import { continueOnRead } from "./expect-continue.js";
import { closeSession } from "../http/hang-up.js";
import { countRequest, limitStalls, tellRefusals } from "./http1-limits.js";
import { answerRefusals, refuseExpectation, takeTarget } from "./http1-refusals.js";
import { superviseSession } from "./http2-sessions.js";
import { discardBody } from "../http/drain-body.js";
import type { ListenerLimits } from "./limits.js";
import type { RequestListener } from "../http/node-http.js";
import { closeWithSocket, unansweredOf, waitForTurn } from "./pipelining.js";
import { peekVersion, type WireVersion } from "./preface.js";
import { takeStreams, type StreamLane } from "./stream-lane.js";
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

/** What a port has beside its handler. */
export interface ListenerOptions {
  /** Null serves without TLS. With it, who comes without is told so. */
  readonly tls: TlsTermination | null;
  /** Is asked about each request of HTTP/2 first; null takes none. */
  readonly lane: StreamLane | null;
  readonly observer: LimitObserver;
}

/** Tells HTTP/1.1 and HTTP/2 apart, by a connection's first bytes or with TLS by ALPN, and gives the requests of both to `handle`. */
export function createListener(
  handle: RequestListener,
  limits: ListenerLimits,
  { tls, lane, observer }: ListenerOptions,
): Listener {
  const connections = new Connections(limits, observer);
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const http1 = http1Server(handle, limits, observer);
  const http2 = http2Server(handle, limits, lane, observer);
  const net = createNet({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // Each server has a listener of its own; until then a reset must not end the process.
    socket.on("error", () => socket.destroy());
    const connection = connections.accept(socket);
    if (connection === undefined) return;
    sockets.add(socket);
    undecided.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
    });
    const serve = (readable: Socket, version: "http1" | "http2") => {
      undecided.delete(socket);
      // HTTP/2 has no half-closed connections; HTTP/1.1 clients may close their half and still wait for the answer.
      if (version === "http2") readable.allowHalfOpen = false;
      (version === "http2" ? http2 : http1).accept(readable, connection);
    };
    const tooSlow = () => observer.refused("first_bytes_timeout_ms");
    const decided = (version: WireVersion) => {
      // Without TLS its handshake is as good as any other garbage.
      if (tls === null) serve(socket, version === "tls" ? "http1" : version);
      else if (version === "tls") tls.accept(socket, serve, tooSlow);
      else refuseConnection(socket, version, "this port speaks TLS: use https");
    };
    peekVersion(socket, limits.firstBytesTimeoutMs, decided, tooSlow);
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

function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address;
}

function http1Server(handle: RequestListener, limits: ListenerLimits, observer: LimitObserver) {
  let draining = false;
  const inFlight = new Set<ServerResponse>();
  const isTooFarAhead = (req: IncomingMessage): boolean => {
    const connection = connectionOf(req.socket);
    if (connection?.isGone === true) return true;
    if (unansweredOf(req) < limits.http2.maxConcurrentStreams) return false;
    observer.refused("max_streams_per_connection");
    connection?.destroy();
    return true;
  };
  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    if (draining) res.setHeader("Connection", "close");
    const begin = () => {
      if (takeTarget(req, res)) handle(req, res);
    };
    const isAhead = res.socket === null;
    if (isAhead && isTooFarAhead(req)) return;
    if (!isAhead) begin();
    // A poll from memory has been answered by now: for it alone what follows would be a cost.
    if (res.writableFinished && !hasBody(req)) return;
    inFlight.add(res);
    countRequest(req, res);
    closeWithSocket(req, res);
    if (isAhead) waitForTurn(res, begin);
    res.once("finish", () => {
      if (!req.complete) discardBody(req, limits.maxDiscardBytes);
    });
    res.once("close", () => {
      inFlight.delete(res);
      // A connection counts as idle only after this event.
      if (draining) setImmediate(() => server.closeIdleConnections());
    });
  };
  const server = createHttp1(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      // Node answers without a body.
      requireHostHeader: false,
    },
    onRequest,
  );
  server.timeout = limits.stallTimeoutMs;
  limitStalls(server, observer);
  answerRefusals(server);
  server.on("checkExpectation", refuseExpectation);
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
    continueOnRead(req, res);
    onRequest(req, res);
  });
  // The checker of these time-outs starts on this event, which a server that is only given sockets never has.
  server.emit("listening");
  const drain = () => {
    draining = true;
    for (const res of inFlight) if (!res.headersSent) res.setHeader("Connection", "close");
    server.closeIdleConnections();
    // A connection whose answer has just left counts as idle from the next turn on.
    setImmediate(() => server.closeIdleConnections());
    // Stops the checker once the last connection is gone; the server itself never listened, which is the error it tells.
    server.close(() => undefined);
  };
  const accept = (socket: Socket, connection: Connection) => {
    tellRefusals(socket, connection, observer);
    server.emit("connection", socket);
    // Without a listener besides its own node:http reads past the stream. With TLS what was decrypted already then comes though it said
    // "pause", as it does while an answer waits for its reader, and it drops the connection ("Parse Error: Paused").
    if (socket instanceof TLSSocket) socket.on("data", () => undefined);
    // node:http listens for data, but leaves a paused socket paused.
    socket.resume();
  };
  return { accept, drain };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
}

function http2Server(
  handle: RequestListener,
  limits: ListenerLimits,
  lane: StreamLane | null,
  observer: LimitObserver,
) {
  const sessions = new Set<ServerHttp2Session>();
  const { maxConcurrentStreams, windowBytes, maxSessionMiB, maxInvalidFrames } = limits.http2;
  const server = createHttp2(
    {
      settings: { maxConcurrentStreams, maxHeaderListSize: limits.maxHeaderBytes, initialWindowSize: windowBytes },
      maxSessionMemory: maxSessionMiB,
      maxSessionInvalidFrames: maxInvalidFrames,
      unknownProtocolTimeout: limits.firstBytesTimeoutMs,
    },
    handle,
  );
  server.on("checkContinue", (req, res) => {
    continueOnRead(req, res);
    handle(req, res);
  });
  server.on("checkExpectation", refuseExpectation);
  takeStreams(server, lane);
  const accept = (socket: Socket, connection: Connection) => {
    server.once("session", (session) => {
      carry(session, connection);
      connection.startDrain = () => closeSession(session);
      sessions.add(session);
      session.once("close", () => sessions.delete(session));
      superviseSession(session, { limits, connection, observer });
    });
    server.emit("connection", socket);
  };
  const drain = () => {
    for (const session of sessions) closeSession(session);
  };
  return { accept, drain };
}
