import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { LimitObserver } from "../../core/limit.js";
import { carry, connectionOf, type Connection } from "../http/connection.js";

/** Cuts a connection of HTTP/1.1 in which nothing moves while a request is under way, and tells of it. */
export function limitStalls(server: Server, observer: LimitObserver): void {
  server.on("timeout", (socket: Socket) => {
    // Without a request it is the time that idle connections are kept.
    if ((connectionOf(socket)?.openStreams ?? 0) > 0) observer.refused("stall_timeout_ms");
    socket.destroy();
  });
}

/** Tells of what Node's HTTP/1.1 refuses by itself: it answers, and destroys the socket with the reason. */
export function tellRefusals(socket: Socket, connection: Connection, observer: LimitObserver): void {
  carry(socket, connection);
  socket.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "HPE_HEADER_OVERFLOW") observer.refused("max_header_bytes");
    if (code !== "ERR_HTTP_REQUEST_TIMEOUT") return;
    observer.refused(connection.openStreams > 0 ? "request_timeout_ms" : "headers_timeout_ms");
  });
}

/** Counts a request as under way until its answer and its body are over. */
export function countRequest(req: IncomingMessage, res: ServerResponse): void {
  const connection = connectionOf(req.socket);
  if (connection === undefined) return;
  connection.began();
  const ended = () => connection.ended();
  res.once("close", () => {
    if (req.complete || req.closed) ended();
    else req.once("close", ended);
  });
}
