import { encodeEnvelope, type Compression } from "@connectrpc/connect/protocol";
import { headerEncoding, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import {
  contentTypeJson,
  contentTypeProto,
  trailerFlag,
  trailerSerialize,
} from "@connectrpc/connect/protocol-grpc-web";
import { toConnectError } from "../admission/errors.js";
import type { WatchWire } from "./wire.js";

/** gRPC-Web: envelopes, the last of which holds the trailers. */
export function grpcWebWire(json: boolean, compression: Compression | null): WatchWire {
  return {
    body: json ? "json" : "proto",
    compression,
    headers: {
      "content-type": json ? contentTypeJson : contentTypeProto,
      ...(compression === null ? {} : { [headerEncoding.toLowerCase()]: compression.name }),
    },
    ending: (error, requestId) => ({
      last: encodeEnvelope(
        trailerFlag,
        trailerSerialize(setTrailerStatus(new Headers(), toConnectError(error, requestId))),
      ),
      trailers: null,
    }),
  };
}
