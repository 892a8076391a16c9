import type { DescMessage, Message } from "@bufbuild/protobuf";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { ConnectError } from "@connectrpc/connect";
import { compressedFlag, encodeEnvelopes, type Compression, type EnvelopedMessage } from "@connectrpc/connect/protocol";
import { AppError } from "../../core/error.js";
import { scanStrictJson, type StrictJsonOptions } from "../../bundle/strict-json.js";
import { toAppError } from "../admission/error-status.js";
import { messageBounds } from "../admission/message-bounds.js";
import { decompressedAtMost, type BodyShare } from "../http/body-memory.js";
import { decodeMessage } from "./decode-message.js";
import { bodyTooLarge } from "../http/read-body.js";
import type { ScanJson } from "../http/scan-json.js";
import type { WireForm } from "../http/wire-form.js";

/** The accepted encodings of RPC messages besides identity: gzip and br. */
export const COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli];

/** Policies are strings in a message: what is deeper than this is not a message of signet.v1. */
const MAX_DEPTH = 64;

const HEAD_BYTES = 5;

/** What a body must keep to. */
export interface BodyRules {
  /** Of a message, once decompressed. */
  readonly maxBytes: number;
  /** What it decompresses to belongs to it; null for what is too small to count. */
  readonly share: BodyShare | null;
  readonly scan: ScanJson;
}

type Bounds = Omit<BodyRules, "scan">;

/** A body that was checked. */
export interface StrictBody {
  /** For the protocol's handler. When `message` is set, it holds an empty message instead. */
  readonly body: Uint8Array;
  /** A binary message, decoded; undefined for JSON, and for what the handler is to refuse. */
  readonly message: Message | undefined;
}

/**
 * A request's body as the protocol's handler may have it: decompressed; when it is binary, decoded, so that it is decoded once; when it
 * is JSON, UTF-8 that loses nothing when it is parsed (Connect's reader turns broken UTF-8 into U+FFFD, and JSON.parse drops duplicate
 * keys: design, "strict JSON in"). Nothing is built of more values than the message may have (message-bounds.ts).
 * `header` loses the encodings that no longer hold.
 *
 * Incomplete frames, and unknown or unnamed compressions, are returned unchanged: the protocol's handler refuses them.
 *
 * @throws AppError `malformed` for what is no JSON, no protobuf, no UTF-8, or does not decompress; `invalid` for JSON that would lose
 *   something, and for more values than there may be; `too_large` for a message that is over `maxBytes` once
 *   decompressed; `unavailable` when all bodies together need too much memory.
 */
export async function strictBody(
  input: DescMessage,
  form: WireForm,
  header: Headers,
  body: Uint8Array,
  { maxBytes, share, scan }: BodyRules,
): Promise<StrictBody> {
  const encodingHeader = ENCODING_HEADERS[form.enveloped ? form.protocol : "unary"];
  const encoding = header.get(encodingHeader) ?? "identity";
  const compression = COMPRESSIONS.find(({ name }) => name === encoding);
  if (encoding !== "identity" && compression === undefined) return { body, message: undefined };
  const read = async (data: Uint8Array) => {
    if (!form.json) return decodeMessage(input, data);
    await scan(decodeUtf8(data), scanOptions(input));
    return undefined;
  };
  if (form.enveloped) return await strictFrames(read, compression, body, { maxBytes, share });

  const data = compression === undefined ? body : await decompress(compression, body, { maxBytes, share });
  const message = await read(data);
  header.delete(encodingHeader);
  // Connect's reader believes it.
  header.delete("content-length");
  return { body: message === undefined ? data : EMPTY, message };
}

const EMPTY = new Uint8Array(0);

/** The same for the message in the query of a Connect GET, which the handler reads from there. Throws as strictBody does. */
export function checkQuery(query: string, input: DescMessage): void {
  const parameters = new URLSearchParams(query);
  if ((parameters.get("compression") ?? "identity") !== "identity")
    throw new AppError("malformed", "a message in the query must not be compressed: use POST");
  const message = parameters.get("message") ?? "";
  const bytes = parameters.get("base64") === "1" ? Buffer.from(message, "base64url") : undefined;
  // URLSearchParams writes U+FFFD for broken UTF-8; decodeURIComponent throws.
  const text = () => (bytes === undefined ? decodedParameter(query, "message") : decodeUtf8(bytes));
  if (parameters.get("encoding") !== "proto") scanStrictJson(text(), scanOptions(input));
  else decodeMessage(input, bytes ?? Buffer.from(text()));
}

const optionsOf = new WeakMap<DescMessage, StrictJsonOptions>();

function scanOptions(input: DescMessage): StrictJsonOptions {
  let options = optionsOf.get(input);
  if (options === undefined) {
    options = { maxDepth: MAX_DEPTH, bounds: messageBounds(input, "string") };
    optionsOf.set(input, options);
  }
  return options;
}

const ENCODING_HEADERS = {
  unary: "content-encoding",
  connect: "connect-content-encoding",
  grpc: "grpc-encoding",
  "grpc-web": "grpc-encoding",
} as const;

async function strictFrames(
  read: (message: Uint8Array) => Promise<Message | undefined>,
  compression: Compression | undefined,
  body: Uint8Array,
  bounds: Bounds,
): Promise<StrictBody> {
  const asItCame = { body, message: undefined };
  let message: Message | undefined;
  const frames: EnvelopedMessage[] = [];
  let changed = false;
  for (let at = 0; at < body.byteLength;) {
    const frame = frameAt(body, at);
    if (frame === undefined) return asItCame;
    at += HEAD_BYTES + frame.data.byteLength;
    // The handlers ignore flags that they do not know, and would parse what was not checked.
    if ((frame.flags & ~compressedFlag) !== 0) throw new AppError("malformed", `unknown frame flags ${frame.flags}`);
    let { data } = frame;
    if (frame.flags === compressedFlag) {
      // It cannot be decoded; the handler has an error for that.
      if (compression === undefined) return asItCame;
      data = await decompress(compression, data, bounds);
      changed = true;
    }
    if (data.byteLength > bounds.maxBytes) throw bodyTooLarge(bounds.maxBytes);
    message = await read(data);
    frames.push({ flags: 0, data: message === undefined ? data : EMPTY });
    // Every method takes one message; a second one is refused by the handler, and a million need not be checked.
    if (frames.length > 1) break;
  }
  const isNew = changed || frames.length > 1 || message !== undefined;
  return { body: isNew ? encodeEnvelopes(...frames) : body, message };
}

function frameAt(body: Uint8Array, at: number): EnvelopedMessage | undefined {
  if (body.byteLength - at < HEAD_BYTES) return undefined;
  const view = new DataView(body.buffer, body.byteOffset + at, HEAD_BYTES);
  const start = at + HEAD_BYTES;
  const length = view.getUint32(1);
  if (body.byteLength - start < length) return undefined;
  return { flags: view.getUint8(0), data: body.subarray(start, start + length) };
}

async function decompress(
  compression: Compression,
  data: Uint8Array,
  { maxBytes, share }: Bounds,
): Promise<Uint8Array> {
  const atMost = decompressedAtMost(compression.name, data.byteLength, maxBytes);
  share?.take(atMost);
  try {
    const message = await compression.decompress(data, maxBytes);
    share?.giveBack(atMost - message.byteLength);
    return message;
  } catch (thrown) {
    const error = thrown instanceof ConnectError ? toAppError(thrown) : undefined;
    if (error?.code === "too_large") throw bodyTooLarge(maxBytes);
    throw new AppError("malformed", `the body is not ${compression.name}`, { cause: thrown });
  }
}

function decodeUtf8(message: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(message);
  } catch (cause) {
    throw new AppError("malformed", "the body is not valid UTF-8", { cause });
  }
}

function decodedParameter(query: string, name: string): string {
  const found = query.split("&").find((pair) => pair.startsWith(`${name}=`));
  try {
    return decodeURIComponent((found ?? "").slice(name.length + 1).replaceAll("+", " "));
  } catch (cause) {
    throw new AppError("malformed", "the query is not valid UTF-8", { cause });
  }
}
