import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { answerError } from "../http/answer.js";
import { plainError, type ErrorAnswer } from "../http/error-body.js";
import { headerOf, requestIdOf, type NodeResponse } from "../http/node-http.js";
import { isAnswering } from "./pipelining.js";

/** What Node's HTTP/1.1 refuses by itself, by its error code; anything else is 400. */
const REFUSALS: Readonly<Record<string, readonly [status: number, phrase: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "the headers are larger than the limit"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Content Too Large", "the chunk extensions are larger than the limit"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request did not arrive in time"],
};

/** Gives what Node refuses before there is a request the body of every other error. The connection ends with it. */
export function answerRefusals(server: Server): void {
  server.on("clientError", (error: NodeJS.ErrnoException & { readonly reason?: string }, socket: Duplex) => {
    if (socket.writable && error.code !== "ECONNRESET" && !isAnswering(socket)) {
      const why = error.reason === undefined ? "" : `: ${error.reason}`;
      const [status, phrase, message] = REFUSALS[error.code ?? ""] ?? [400, "Bad Request", `no HTTP/1.1${why}`];
      socket.write(textOf(plainError(status, phrase, message, randomUUID()), phrase));
    }
    // Refusals are counted by the socket's error.
    socket.destroy(error);
  });
}

function textOf({ status, headers, body }: ErrorAnswer, phrase: string): string {
  const all = { ...headers, connection: "close", "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${phrase}`, ...lines, "", body].join("\r\n");
}

/**
 * Removes scheme and host from a request's target, which clients of proxies send, and takes them as the Host (RFC 9112, section 3.2.2).
 * Answers a request without a Host, and returns false.
 */
export function takeTarget(req: IncomingMessage, res: NodeResponse): boolean {
  const [, authority, rest = ""] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(req.url ?? "") ?? [];
  if (authority !== undefined) {
    req.url = rest.startsWith("/") ? rest : `/${rest}`;
    req.headers.host = authority;
  }
  if (headerOf(req, "host") !== undefined || req.httpVersion === "1.0") return true;
  const requestId = requestIdOf(req);
  res.setHeader("X-Request-Id", requestId);
  res.setHeader("Connection", "close");
  answerError(req, res, plainError(400, "Bad Request", "the Host header is missing", requestId));
  return false;
}
