import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  contentTypeStreamJson,
  contentTypeStreamProto,
  contentTypeUnaryJson,
  endStreamFlag,
  endStreamToJson,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import {
  contentTypeJson as grpcJson,
  contentTypeProto as grpcProto,
  setTrailerStatus,
} from "@connectrpc/connect/protocol-grpc";
import {
  contentTypeJson as webJson,
  contentTypeProto as webProto,
  trailerFlag,
  trailerSerialize,
} from "@connectrpc/connect/protocol-grpc-web";
import { Code } from "@connectrpc/connect";
import { endWith, type NodeResponse } from "./node-http.js";
import type { WireForm } from "./wire-form.js";

/**
 * Answers an error as the request's protocol says it, without the protocol's handler, which would read the body first. The error's
 * metadata (Retry-After) are HTTP headers in all of them.
 *
 * - gRPC: trailers only (headers that hold grpc-status, no body).
 * - gRPC-Web: 200 and a trailer frame.
 * - Connect unary: the error's HTTP status and its JSON.
 * - Connect streaming: 200 and an end-of-stream envelope.
 */
export function writeRefusal(res: NodeResponse, form: WireForm, error: ConnectError): void {
  const headers = Object.fromEntries(error.metadata);
  switch (form.protocol) {
    case "grpc": {
      const status = Object.fromEntries(setTrailerStatus(new Headers(), error));
      endWith(res, 200, { ...headers, ...status, "content-type": form.json ? grpcJson : grpcProto });
      return;
    }
    case "grpc-web": {
      const trailers = trailerSerialize(setTrailerStatus(new Headers(), error));
      const contentType = form.json ? webJson : webProto;
      endWith(res, 200, { ...headers, "content-type": contentType }, encodeEnvelope(trailerFlag, trailers));
      return;
    }
    case "connect":
      writeConnectRefusal(res, form, error, headers);
  }
}

function writeConnectRefusal(
  res: NodeResponse,
  form: WireForm,
  error: ConnectError,
  headers: Record<string, string>,
): void {
  if (form.enveloped) {
    const end = Buffer.from(JSON.stringify(endStreamToJson(new Headers(), error, undefined)));
    const contentType = form.json ? contentTypeStreamJson : contentTypeStreamProto;
    endWith(res, 200, { ...headers, "content-type": contentType }, encodeEnvelope(endStreamFlag, end));
    return;
  }
  // RFC 9110, section 15.5.2: a 401 names the scheme that would do.
  if (error.code === Code.Unauthenticated) headers["www-authenticate"] = "Bearer";
  const body = errorToJsonBytes(error, undefined);
  endWith(res, codeToHttpStatus(error.code), { ...headers, "content-type": contentTypeUnaryJson }, body);
}
