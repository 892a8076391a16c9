import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { LimitObserver } from "../../core/limit.js";
import { carry, connectionOf, type Connection } from "../http/connection.js";
import { discardBody } from "../http/drain-body.js";
import type { RequestListener } from "../http/node-http.js";
import { continueOnRead, refuseExpectation } from "./expectations.js";
import { answerRefusals, takeTarget } from "./http1-refusals.js";
import type { ListenerLimits } from "./limits.js";
import { closeWithSocket, unansweredOf, waitForTurn } from "./pipelining.js";

/** Serves the connections of HTTP/1.1 that it is given. */
export function createHttp1Server(handle: RequestListener, limits: ListenerLimits, observer: LimitObserver) {
  let draining = false;
  const inFlight = new Set<ServerResponse>();
  const isTooFarAhead = (req: IncomingMessage): boolean => {
    const connection = connectionOf(req.socket);
    if (connection?.isClosed === true) return true;
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
  const server = createServer(
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
    // Stops the checker after the last connection; it reports the error that the server never listened.
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

/** Closes a connection on which nothing moves while a request is in progress, and counts it. */
function limitStalls(server: Server, observer: LimitObserver): void {
  server.on("timeout", (socket: Socket) => {
    // Without a request it is the time that idle connections are kept.
    if ((connectionOf(socket)?.openStreams ?? 0) > 0) observer.refused("stall_timeout_ms");
    socket.destroy();
  });
}

/** Counts what Node's HTTP/1.1 refuses by itself: it answers, and destroys the socket with the reason. */
function tellRefusals(socket: Socket, connection: Connection, observer: LimitObserver): void {
  carry(socket, connection);
  socket.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "HPE_HEADER_OVERFLOW") observer.refused("max_header_bytes");
    if (code !== "ERR_HTTP_REQUEST_TIMEOUT") return;
    observer.refused(connection.openStreams > 0 ? "request_timeout_ms" : "headers_timeout_ms");
  });
}

/** Counts a request as under way until its answer and its body are over. */
function countRequest(req: IncomingMessage, res: ServerResponse): void {
  const connection = connectionOf(req.socket);
  if (connection === undefined) return;
  connection.began();
  const ended = () => connection.ended();
  res.once("close", () => {
    if (req.complete || req.closed) ended();
    else req.once("close", ended);
  });
}
