import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import { connectionOf } from "../http/connection.js";

/** Requests on connections without a token that are begun in a turn of the event loop: about 10 ms of work. */
const UNKNOWN_PER_TURN = 128;

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/**
 * Spreads requests on connections without a token over turns of the event loop, so that a flood of them leaves room for everybody else.
 * A request that its client or the server has given up meanwhile is not begun.
 */
export function limitUnknownStreams(server: Http2Server): void {
  const listeners = server.listeners("stream") as StreamListener[];
  const quota = new EventLoopQuota(UNKNOWN_PER_TURN);
  server.removeAllListeners("stream");
  const begin: StreamListener = (stream, headers, flags, rawHeaders) => {
    for (const listener of listeners) listener.call(server, stream, headers, flags, rawHeaders);
  };
  const onStream: StreamListener = (stream, headers, flags, rawHeaders) => {
    const connection = connectionOf(stream.session);
    if (connection?.isUnknown !== true && connection?.isGone !== true) {
      begin(stream, headers, flags, rawHeaders);
      return;
    }
    quota.run(() => {
      if (!stream.destroyed && !stream.closed && connection?.isGone !== true) begin(stream, headers, flags, rawHeaders);
    });
  };
  server.on("stream", onStream as never);
}
