import { encodeEnvelope, type Compression } from "@connectrpc/connect/protocol";
import {
  contentTypeStreamJson,
  contentTypeStreamProto,
  endStreamFlag,
  endStreamToJson,
  headerStreamEncoding,
} from "@connectrpc/connect/protocol-connect";
import { toConnectError } from "../admission/errors.js";
import type { WatchWire } from "./wire.js";

/** Connect: envelopes, the last of which is the end-of-stream message. */
export function connectWire(json: boolean, compression: Compression | null): WatchWire {
  return {
    body: json ? "json" : "proto",
    compression,
    headers: {
      "content-type": json ? contentTypeStreamJson : contentTypeStreamProto,
      ...(compression === null ? {} : { [headerStreamEncoding.toLowerCase()]: compression.name }),
    },
    ending: (error, requestId) => {
      const end = endStreamToJson(new Headers(), toConnectError(error, requestId), undefined);
      return { last: encodeEnvelope(endStreamFlag, Buffer.from(JSON.stringify(end))), trailers: null };
    },
  };
}
