import { encodeEnvelope, type Compression } from "@connectrpc/connect/protocol";
import {
  contentTypeStreamJson,
  contentTypeStreamProto,
  endStreamFlag,
  endStreamToJson,
  headerStreamEncoding,
} from "@connectrpc/connect/protocol-connect";
import {
  contentTypeJson as grpcJson,
  contentTypeProto as grpcProto,
  headerEncoding,
  setTrailerStatus,
} from "@connectrpc/connect/protocol-grpc";
import {
  contentTypeJson as webJson,
  contentTypeProto as webProto,
  trailerFlag,
  trailerSerialize,
} from "@connectrpc/connect/protocol-grpc-web";
import type { AppError } from "../../core/error.js";
import { toConnectError } from "../admission/error-status.js";
import { errorAnswer } from "../http/error-body.js";
import type { RpcProtocol } from "../http/wire-form.js";
import { streamFormat, streamHeaders, type StreamContent } from "../rest/stream-format.js";
import type { FrameBody } from "./frames.js";

/** How a protocol writes a watch. Holds nothing of one stream. */
export interface WatchWire {
  readonly body: FrameBody;
  /** Of enveloped messages; null sends them as they are. */
  readonly compression: Compression | null;
  /** Of the answer's head, beside those that every answer has. */
  readonly headers: Readonly<Record<string, string>>;
  /** How a stream ends. */
  ending(error: AppError, requestId: string): Ending;
}

/** The last bytes of a stream, and HTTP's trailers. */
export interface Ending {
  readonly last: Uint8Array | null;
  readonly trailers: Readonly<Record<string, string>> | null;
}

/** The wire of an RPC protocol, with JSON or binary messages. */
export function rpcWire(protocol: RpcProtocol, json: boolean, compression: Compression | null): WatchWire {
  const { contentTypes, encodingHeader, ending } = RPC[protocol];
  return {
    body: json ? "json" : "proto",
    compression,
    headers: {
      "content-type": contentTypes[json ? 1 : 0],
      ...(compression === null ? {} : { [encodingHeader.toLowerCase()]: compression.name }),
    },
    ending,
  };
}

const RPC = {
  /** The status is in the trailers. */
  grpc: {
    contentTypes: [grpcProto, grpcJson],
    encodingHeader: headerEncoding,
    ending: (error, requestId) => ({ last: null, trailers: Object.fromEntries(trailerStatus(error, requestId)) }),
  },
  /** The last envelope holds the trailers. */
  "grpc-web": {
    contentTypes: [webProto, webJson],
    encodingHeader: headerEncoding,
    ending: (error, requestId) => ({
      last: encodeEnvelope(trailerFlag, trailerSerialize(trailerStatus(error, requestId))),
      trailers: null,
    }),
  },
  /** The last envelope is the end-of-stream message. */
  connect: {
    contentTypes: [contentTypeStreamProto, contentTypeStreamJson],
    encodingHeader: headerStreamEncoding,
    ending: (error, requestId) => {
      const end = endStreamToJson(new Headers(), toConnectError(error, requestId), undefined);
      return { last: encodeEnvelope(endStreamFlag, Buffer.from(JSON.stringify(end))), trailers: null };
    },
  },
} as const satisfies Record<
  RpcProtocol,
  {
    readonly contentTypes: readonly [proto: string, json: string];
    readonly encodingHeader: string;
    readonly ending: WatchWire["ending"];
  }
>;

function trailerStatus(error: AppError, requestId: string): Headers {
  return setTrailerStatus(new Headers(), toConnectError(error, requestId));
}

/** REST: server-sent events for clients that accept them, else lines of JSON; the last of either is the error. */
export function restWire(accept: string | undefined, content: StreamContent): WatchWire {
  const format = streamFormat(accept, content);
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
