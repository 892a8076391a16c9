import type { Readable } from "node:stream";
import { constants } from "node:http2";
import type { NodeRequest, NodeResponse } from "./node-http.js";

const RECHECK_MS = 10;

/**
 * Throws away the rest of a body whose request is already answered. Closing at once would reset the connection, and a client that
 * is still sending would lose the answer. Reading has a limit: after `maxBytes` the request is destroyed.
 */
export function discardBody(req: NodeRequest, maxBytes: number): void {
  let discarded = 0;
  const body: Readable = req;
  // A reader that stopped between messages is still registered for "readable", which keeps the body paused.
  body.removeAllListeners("readable");
  body.on("data", (chunk: Buffer) => {
    discarded += chunk.byteLength;
    if (discarded <= maxBytes) return;
    if ("stream" in req) req.stream.close();
    else req.socket.destroy();
  });
  body.resume();
}

/**
 * Tells an HTTP/2 client, once it has the whole answer, that the rest of its request is not wanted (RFC 9113, section 8.1), since
 * a stream lives until both sides are done. Node does so by itself only for some answers. Nothing in HTTP/1.1.
 */
export function closeUnread(res: NodeResponse): void {
  if (!("stream" in res)) return;
  const { stream } = res;
  const close = () => {
    if (stream.destroyed || stream.state.remoteClose === 1) return;
    // Finished means handed over. A reset would overtake what has not been sent yet, and nothing tells when it has been.
    if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
    else setTimeout(close, RECHECK_MS).unref();
  };
  stream.on("finish", () => setImmediate(close));
}
