import { fromBinary, type DescMessage } from "@bufbuild/protobuf";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { ConnectError } from "@connectrpc/connect";
import { compressedFlag, encodeEnvelopes, type Compression, type EnvelopedMessage } from "@connectrpc/connect/protocol";
import { AppError } from "../../core/error.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { toAppError } from "../errors.js";
import { decompressedAtMost, type BodyShare } from "./body-memory.js";
import { bodyTooLarge } from "./read-body.js";
import type { ScanJson } from "../scan-json.js";
import type { WireForm } from "./wire-form.js";

export const COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli];

/** Policies are strings in a message: what is deeper than this is no message of signet.v1. */
const SCAN_OPTIONS = { maxDepth: 64 };

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

/**
 * A request's body as the protocol's handler may have it: decompressed, and when it is JSON, UTF-8 that loses nothing when it is
 * parsed (Connect's reader turns broken UTF-8 into U+FFFD, and JSON.parse drops duplicate keys: design, "strict JSON in").
 * `header` loses the encodings that no longer hold.
 *
 * Frames that are incomplete, and compressions that nobody knows or names, come back as they are: the handler has words for those.
 *
 * @throws AppError `malformed` for what is no JSON, no protobuf, no UTF-8, or does not decompress; `invalid` for JSON that would lose
 *   something; `too_large` for a message that is over `maxBytes` once decompressed; `unavailable` when all bodies together need too
 *   much memory.
 */
export async function strictBody(
  input: DescMessage,
  form: WireForm,
  header: Headers,
  body: Uint8Array,
  { maxBytes, share, scan }: BodyRules,
): Promise<Uint8Array> {
  const encodingHeader = ENCODING_HEADERS[form.enveloped ? form.protocol : "unary"];
  const encoding = header.get(encodingHeader) ?? "identity";
  const compression = COMPRESSIONS.find(({ name }) => name === encoding);
  if (encoding !== "identity" && compression === undefined) return body;
  const check = async (data: Uint8Array) => {
    if (form.json) await scan(decodeUtf8(data), SCAN_OPTIONS);
    else checkBinary(input, data);
  };
  if (form.enveloped) return await strictFrames(check, compression, body, { maxBytes, share });

  const message = compression === undefined ? body : await decompress(compression, body, { maxBytes, share });
  await check(message);
  header.delete(encodingHeader);
  // Connect's reader believes it.
  header.delete("content-length");
  return message;
}

/** The same for the message in the query of a Connect GET, which the handler reads from there. Throws as strictBody does. */
export function checkQuery(query: string): void {
  const parameters = new URLSearchParams(query);
  const message = parameters.get("message") ?? "";
  if (parameters.get("base64") === "1") checkText(decodeUtf8(Buffer.from(message, "base64url")));
  // URLSearchParams writes U+FFFD for broken UTF-8; decodeURIComponent throws.
  else checkText(decodedParameter(query, "message"));
}

const ENCODING_HEADERS = {
  unary: "content-encoding",
  connect: "connect-content-encoding",
  grpc: "grpc-encoding",
  "grpc-web": "grpc-encoding",
} as const;

async function strictFrames(
  check: (message: Uint8Array) => Promise<void>,
  compression: Compression | undefined,
  body: Uint8Array,
  bounds: Bounds,
): Promise<Uint8Array> {
  const frames: EnvelopedMessage[] = [];
  let changed = false;
  for (let at = 0; at < body.byteLength;) {
    const frame = frameAt(body, at);
    if (frame === undefined) return body;
    at += HEAD_BYTES + frame.data.byteLength;
    // The handlers ignore flags that they do not know, and would parse what was not looked at.
    if ((frame.flags & ~compressedFlag) !== 0) throw new AppError("malformed", `unknown frame flags ${frame.flags}`);
    let { data } = frame;
    if (frame.flags === compressedFlag) {
      // Nobody can read it, and the handler has words for that.
      if (compression === undefined) return body;
      data = await decompress(compression, data, bounds);
      changed = true;
    }
    if (data.byteLength > bounds.maxBytes) throw bodyTooLarge(bounds.maxBytes);
    await check(data);
    frames.push({ flags: 0, data });
    // Every method takes one message; a second one is refused by the handler, and a million need not be looked at.
    if (frames.length > 1) break;
  }
  return changed || frames.length > 1 ? encodeEnvelopes(...frames) : body;
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

/** The handler would call it an internal error, though it is the client's. */
function checkBinary(input: DescMessage, message: Uint8Array): void {
  try {
    fromBinary(input, message);
  } catch (cause) {
    throw new AppError("malformed", `the body is no ${input.typeName}`, { cause });
  }
}

function decodeUtf8(message: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(message);
  } catch (cause) {
    throw new AppError("malformed", "the body is not valid UTF-8", { cause });
  }
}

function checkText(text: string): void {
  scanStrictJson(text, SCAN_OPTIONS);
}

function decodedParameter(query: string, name: string): string {
  const found = query.split("&").find((pair) => pair.startsWith(`${name}=`));
  try {
    return decodeURIComponent((found ?? "").slice(name.length + 1).replaceAll("+", " "));
  } catch (cause) {
    throw new AppError("malformed", "the query is not valid UTF-8", { cause });
  }
}
