import { constants } from "node:http2";
import type { Socket } from "node:net";
import { hangUp } from "../http/hang-up.js";

/**
 * Sends a client the reason for which its connection is refused, in its own HTTP version, and hangs up. Reads no request: frames made
 * by hand cost less than an HTTP/2 session for every refused client.
 *
 * @param reason printable ASCII.
 */
export function refuseConnection(socket: Socket, version: "http1" | "http2", reason: string): void {
  socket.end(version === "http2" ? goAway(reason) : badRequest(reason));
  // Unread bytes at the end would reset the connection, and the client would lose the reason.
  socket.resume();
  hangUp(socket);
}

function badRequest(reason: string): string {
  const body = `${reason}\n`;
  return [
    "HTTP/1.1 400 Bad Request",
    "Connection: close",
    "Content-Type: text/plain",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}

/** Empty SETTINGS, which a server must send first, and GOAWAY with the reason as debug data (RFC 9113, sections 3.4 and 6.8). */
function goAway(reason: string): Buffer {
  const payload = Buffer.concat([Buffer.alloc(8), Buffer.from(reason)]);
  payload.writeUInt32BE(constants.NGHTTP2_INADEQUATE_SECURITY, 4);
  return Buffer.concat([frameHead(0, SETTINGS), frameHead(payload.length, GOAWAY), payload]);
}

const SETTINGS = 4;
const GOAWAY = 7;

/** Of a frame of stream 0 without flags. */
function frameHead(length: number, type: number): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  return head;
}
