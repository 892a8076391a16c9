import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { EventLoopQuota } from "../../core/schedule/event-loop-quota.js";
import { connectionOf } from "../http/connection.js";

/** Requests on connections without a token that are begun in a turn of the event loop: about 10 ms of work. */
const UNKNOWN_PER_TURN = 128;

/** Takes a request of HTTP/2 as it comes. False when it does not: then it goes the common way. */
export type StreamLane = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
) => boolean;

type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/**
 * Asks a lane, where there is one, about each request before Node's compatibility API makes a request and a response for it, which a
 * stream that is held for days would hold as well: a fifth of what it costs.
 *
 * A flood on connections without a token is taken in portions, so that everybody else has turns in between; what its client, or the
 * server, has given up meanwhile is not begun at all.
 */
export function takeStreams(server: Http2Server, lane: StreamLane | null): void {
  const common = server.listeners("stream") as StreamListener[];
  const unknown = new EventLoopQuota(UNKNOWN_PER_TURN);
  server.removeAllListeners("stream");
  const take: StreamListener = (stream, headers, flags, rawHeaders) => {
    if (lane?.(stream, headers, rawHeaders) === true) return;
    for (const listener of common) listener.call(server, stream, headers, flags, rawHeaders);
  };
  const onStream: StreamListener = (stream, headers, flags, rawHeaders) => {
    const connection = connectionOf(stream.session);
    if (connection?.isUnknown !== true && connection?.isGone !== true) {
      take(stream, headers, flags, rawHeaders);
      return;
    }
    unknown.run(() => {
      if (!stream.destroyed && !stream.closed && connection?.isGone !== true) take(stream, headers, flags, rawHeaders);
    });
  };
  server.on("stream", onStream as never);
}
