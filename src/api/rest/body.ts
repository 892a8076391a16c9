import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { AppError } from "../../core/error.js";
import { headerOf, type NodeRequest } from "../http/node-http.js";
import { bodyTooLarge, readBody } from "../http/read-body.js";
import { requireJson } from "./media-type.js";

const DECODERS: Readonly<Record<string, (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>>> =
  {
    gzip: promisify(gunzip),
    deflate: promisify(inflate),
    br: promisify(brotliDecompress),
  };

/**
 * The body of a request as text; empty when there is none. The limit holds for the bytes on the wire and for what they decompress
 * to.
 *
 * Throws `unsupported_media_type` when there is a body that is not JSON by its type, or in an unknown Content-Encoding;
 * `too_large`; `malformed` when it does not decompress or is not valid UTF-8, a byte order mark included (RFC 8259, section 8.1);
 * `cancelled` when the caller goes away.
 */
export async function readText(req: NodeRequest, maxBytes: number): Promise<string> {
  if (!mayHaveBody(req)) return "";
  const encoding = (headerOf(req, "content-encoding") ?? "identity").trim().toLowerCase();
  const decode = encoding === "identity" ? null : DECODERS[encoding];
  const hasBody = Number(headerOf(req, "content-length") ?? 1) > 0;
  if (hasBody && decode === undefined) {
    throw new AppError("unsupported_media_type", "the Content-Encoding must be gzip, deflate, br or identity");
  }
  const announced = headerOf(req, "content-length") !== undefined;
  // Before it is read when it is known that there is one.
  if (announced && hasBody) requireJson(headerOf(req, "content-type"));
  const bytes = await readBody(req, maxBytes);
  if (bytes.byteLength === 0) return "";
  requireJson(headerOf(req, "content-type"));
  return decodeUtf8(decode == null ? bytes : await decompress(decode, bytes, maxBytes));
}

function mayHaveBody(req: NodeRequest): boolean {
  // In HTTP/2 a body needs no header, so that only its end tells.
  return "stream" in req || "content-length" in req.headers || "transfer-encoding" in req.headers;
}

async function decompress(
  decode: (data: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  try {
    return await decode(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw bodyTooLarge(maxBytes);
    throw new AppError("malformed", "the body is not in its Content-Encoding", { cause });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("malformed", "the body is not valid UTF-8", { cause });
  }
  if (text.startsWith("\ufeff")) throw new AppError("malformed", "the body starts with a byte order mark");
  return text;
}
