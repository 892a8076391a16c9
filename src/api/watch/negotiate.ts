import { fromJsonString, isMessage, type DescMessage, type Message } from "@bufbuild/protobuf";
import { compressionNegotiate } from "@connectrpc/connect/protocol";
import {
  headerStreamAcceptEncoding,
  headerStreamEncoding,
  headerTimeout as connectTimeout,
  parseTimeout as parseConnectTimeout,
} from "@connectrpc/connect/protocol-connect";
import {
  headerAcceptEncoding,
  headerEncoding,
  headerTimeout as grpcTimeout,
  parseTimeout as parseGrpcTimeout,
} from "@connectrpc/connect/protocol-grpc";
import { COMPRESSIONS } from "../rpc/strict-body.js";
import type { WireForm } from "../http/wire-form.js";
import { rpcWire, type WatchWire } from "./watch-wire.js";

/** How an RPC wants its answer. */
export interface Negotiated {
  readonly wire: WatchWire;
  /** Undefined for none. */
  readonly timeoutMs: number | undefined;
}

/** Longer ones are no deadline: Node's timers cannot hold them (deadline.ts). */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Reads encodings and deadline. Undefined for headers that the protocol refuses, which its own handler answers. */
export function negotiate(form: WireForm, header: Pick<Headers, "get">): Negotiated | undefined {
  const isConnect = form.protocol === "connect";
  const acceptName = isConnect ? headerStreamAcceptEncoding : headerAcceptEncoding;
  const { response, error } = compressionNegotiate(
    [...COMPRESSIONS],
    header.get(isConnect ? headerStreamEncoding : headerEncoding),
    header.get(acceptName),
    acceptName,
  );
  const timeout = isConnect
    ? parseConnectTimeout(header.get(connectTimeout), MAX_TIMEOUT_MS)
    : parseGrpcTimeout(header.get(grpcTimeout), MAX_TIMEOUT_MS);
  if (error !== undefined || timeout.error !== undefined) return undefined;
  return { wire: rpcWire(form.protocol, form.json, response), timeoutMs: timeout.timeoutMs };
}

const HEAD_BYTES = 5;

/**
 * The one message of a body that is one plain envelope; undefined for anything else, as for `negotiate`. `decoded` is that message, where
 * it was decoded already: anything else is JSON.
 */
export function onlyMessage(desc: DescMessage, body: Uint8Array, decoded: Message | undefined): Message | undefined {
  if (body.byteLength < HEAD_BYTES || body[0] !== 0) return undefined;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (body.byteLength !== HEAD_BYTES + length) return undefined;
  if (decoded !== undefined) return isMessage(decoded, desc) ? decoded : undefined;
  const data = body.subarray(HEAD_BYTES);
  try {
    return fromJsonString(desc, new TextDecoder().decode(data), { ignoreUnknownFields: true });
  } catch {
    return undefined;
  }
}
