import type { Compression } from "@connectrpc/connect/protocol";
import { contentTypeJson, contentTypeProto, headerEncoding, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { toConnectError } from "../admission/errors.js";
import type { WatchWire } from "./wire.js";

/** gRPC: envelopes, and the status in the trailers. */
export function grpcWire(json: boolean, compression: Compression | null): WatchWire {
  return {
    body: json ? "json" : "proto",
    compression,
    headers: {
      "content-type": json ? contentTypeJson : contentTypeProto,
      ...(compression === null ? {} : { [headerEncoding.toLowerCase()]: compression.name }),
    },
    ending: (error, requestId) => ({
      last: null,
      trailers: Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(error, requestId))),
    }),
  };
}
