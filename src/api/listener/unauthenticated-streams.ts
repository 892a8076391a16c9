import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import { connectionOf } from "../http/connection.js";

/** Requests on connections without a token begun in one turn of the event loop: about 10 ms of work. */
const UNAUTHENTICATED_PER_TURN = 128;

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/**
 * Spreads requests on connections without a token over turns of the event loop, so that a flood of them leaves time for others.
 * A request that its client or the server has given up meanwhile is not begun.
 */
export function limitUnauthenticatedStreams(server: Http2Server): void {
  const listeners = server.listeners("stream") as StreamListener[];
  const quota = new EventLoopQuota(UNAUTHENTICATED_PER_TURN);
  server.removeAllListeners("stream");
  const begin: StreamListener = (stream, headers, flags, rawHeaders) => {
    for (const listener of listeners) listener.call(server, stream, headers, flags, rawHeaders);
  };
  const onStream: StreamListener = (stream, headers, flags, rawHeaders) => {
    const connection = connectionOf(stream.session);
    if (connection?.isUnauthenticated !== true && connection?.isClosed !== true) {
      begin(stream, headers, flags, rawHeaders);
      return;
    }
    quota.run(() => {
      if (!stream.destroyed && !stream.closed && connection?.isClosed !== true)
        begin(stream, headers, flags, rawHeaders);
    });
  };
  server.on("stream", onStream as never);
}
