import { WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { errorAnswer } from "../http/error-body.js";
import { streamFormat, streamHeaders } from "../rest/stream-format.js";
import type { WatchWire } from "./wire.js";

/** REST: server-sent events for those who accept them, else lines of JSON; the last of either is the error. */
export function restWire(accept: string | undefined): WatchWire {
  const format = streamFormat(accept, { desc: WatchBundleResponseSchema, responseField: undefined });
  return {
    body: format.contentType === "text/event-stream" ? "events" : "lines",
    compression: null,
    headers: streamHeaders(format),
    ending: (error, requestId) => ({
      last: Buffer.from(format.error(errorAnswer(error, requestId))),
      trailers: null,
    }),
  };
}
