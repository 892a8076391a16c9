import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { NodeRequest } from "./node-http.js";

/**
 * Throws away the rest of a body whose request is already answered. Closing at once would reset the connection, and a client that
 * is still sending would lose the answer; reading for ever would be a gift: after `maxBytes` the request is destroyed.
 */
export function discardBody(req: NodeRequest, maxBytes: number): void {
  let discarded = 0;
  const body: Readable = req;
  const socket: Socket = req.socket;
  body.on("data", (chunk: Buffer) => {
    discarded += chunk.byteLength;
    if (discarded <= maxBytes) return;
    if ("stream" in req) req.stream.close();
    else socket.destroy();
  });
  body.resume();
}
