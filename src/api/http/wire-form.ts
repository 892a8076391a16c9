import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { parseContentType as parseConnect } from "@connectrpc/connect/protocol-connect";
import { parseContentType as parseGrpc } from "@connectrpc/connect/protocol-grpc";
import { parseContentType as parseGrpcWeb } from "@connectrpc/connect/protocol-grpc-web";

/** The protocols of RPC requests. */
export type RpcProtocol = "grpc" | "grpc-web" | "connect";

/** What stands before an enveloped message: flags and its length. */
export const ENVELOPE_BYTES = 5;

/** How the messages of an RPC request stand on the wire, and so how a refusal must look. */
export interface WireForm {
  readonly protocol: RpcProtocol;
  readonly json: boolean;
  /** Messages have a five-byte head each; Connect's unary messages are the whole body instead. */
  readonly enveloped: boolean;
  /** The message is in the query: Connect's GET. */
  readonly get: boolean;
}

/** Why a request has no form: 405 or 415. */
export type WireFormFlaw = "method" | "media_type";

/** The form of a request to a method, or what is wrong with it. */
export function wireFormOf(
  method: DescMethod,
  httpMethod: string,
  contentType: string | undefined,
  query: URLSearchParams,
): WireForm | WireFormFlaw {
  if (httpMethod === "GET" && allowsGet(method)) {
    const encoding = query.get("encoding");
    if (encoding !== "json" && encoding !== "proto") return "media_type";
    return { protocol: "connect", json: encoding === "json", enveloped: false, get: true };
  }
  if (httpMethod !== "POST") return "method";
  return postForm(method, contentType ?? "") ?? "media_type";
}

/** What `Allow` says for a method. */
export function allowedMethods(method: DescMethod): readonly string[] {
  return allowsGet(method) ? ["GET", "POST"] : ["POST"];
}

function allowsGet(method: DescMethod): boolean {
  return method.methodKind === "unary" && method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

function postForm(method: DescMethod, contentType: string): WireForm | undefined {
  const grpc = parseGrpc(contentType);
  if (grpc !== undefined) return { protocol: "grpc", json: !grpc.binary, enveloped: true, get: false };
  const web = parseGrpcWeb(contentType);
  // The base64 form of gRPC-Web is not served.
  if (web !== undefined)
    return web.text ? undefined : { protocol: "grpc-web", json: !web.binary, enveloped: true, get: false };
  const connect = parseConnect(contentType);
  if (connect === undefined || connect.stream !== (method.methodKind !== "unary")) return undefined;
  return { protocol: "connect", json: !connect.binary, enveloped: connect.stream, get: false };
}
