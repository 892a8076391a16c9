import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { AppError } from "../../core/error.js";
import { headerOf, type NodeRequest } from "../http/node-http.js";
import { decompressedAtMost, type BodyShare } from "../http/body-memory.js";
import { bodyTooLarge, readBody } from "../http/read-body.js";

/** The largest body that is read and discarded, for methods without one. */
const MAX_SKIPPED_BYTES = 64 * 1024;

/** The default of `curl -d`, also for JSON. */
const FORM = "application/x-www-form-urlencoded";

interface Coding {
  readonly name: string;
  readonly decompress: Decompress;
}

type Decompress = (body: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

/** The content codings of RFC 9110, section 8.4.1, and Brotli (RFC 7932). */
const CODINGS = new Map<string, Decompress>([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
  ["br", promisify(brotliDecompress)],
]);

/**
 * The body of a request as text; empty when there is none, whatever its headers say.
 *
 * The media type and the coding are looked at before anything is read when the head tells of a body, else once there is one.
 *
 * @throws AppError `too_large` when it is over `maxBytes`, as sent or decompressed.
 * @throws AppError `unsupported_media_type` for another media type or an unknown Content-Encoding.
 * @throws AppError `malformed` when it does not decompress, is not UTF-8, or begins with a byte order mark, which RFC 8259
 *   (section 8.1) forbids senders to add.
 * @throws AppError `unavailable` when all bodies together need too much memory.
 * @throws AppError `cancelled` when the caller goes away.
 */
export async function readText(req: NodeRequest, maxBytes: number, share: BodyShare): Promise<string> {
  const bytes = await readDecoded(req, maxBytes, share, jsonCoding);
  return bytes.byteLength === 0 ? "" : decodeUtf8(bytes);
}

/**
 * The body of a request whatever its media type, decompressed; empty when there is none. Throws as `readText`, but for its media type and
 * text.
 */
export async function readBytes(req: NodeRequest, maxBytes: number, share: BodyShare): Promise<Uint8Array> {
  return await readDecoded(req, maxBytes, share, acceptedCoding);
}

async function readDecoded(
  req: NodeRequest,
  maxBytes: number,
  share: BodyShare,
  codingOf: (req: NodeRequest) => Coding | undefined,
): Promise<Uint8Array> {
  if (!mayHaveBody(req)) return EMPTY;
  if (announcedBytes(req) > 0) codingOf(req);
  const sent = await readBody(req, maxBytes, share);
  if (sent.byteLength === 0) return EMPTY;
  const coding = codingOf(req);
  return coding === undefined ? sent : await decompressed(sent, coding, maxBytes, share);
}

const EMPTY = new Uint8Array(0);

/** Reads the body of a request that needs none and forgets it. Throws `too_large` and `cancelled` as `readText` does. */
export async function skipBody(req: NodeRequest, maxBytes: number): Promise<void> {
  if (mayHaveBody(req)) await readBody(req, Math.min(MAX_SKIPPED_BYTES, maxBytes), null);
}

/** Whether a body may follow the head. A poll has none, and need not wait for its end. */
function mayHaveBody(req: NodeRequest): boolean {
  if ("stream" in req) return !req.stream.endAfterHeaders;
  return req.headers["transfer-encoding"] !== undefined || announcedBytes(req) > 0;
}

function announcedBytes(req: NodeRequest): number {
  return Number(headerOf(req, "content-length") ?? 0);
}

/** As acceptedCoding, of a body that is JSON. */
function jsonCoding(req: NodeRequest): Coding | undefined {
  requireJson(headerOf(req, "content-type"));
  return acceptedCoding(req);
}

/** Throws `unsupported_media_type`; returns how to decompress, undefined for bytes that are not compressed. */
function acceptedCoding(req: NodeRequest): Coding | undefined {
  const name = (headerOf(req, "content-encoding") ?? "").trim().toLowerCase();
  if (name === "" || name === "identity") return undefined;
  const decompress = CODINGS.get(name);
  if (decompress === undefined)
    throw new AppError("unsupported_media_type", "the Content-Encoding must be gzip, deflate or br");
  return { name, decompress };
}

async function decompressed(
  body: Uint8Array,
  { name, decompress }: Coding,
  maxBytes: number,
  share: BodyShare,
): Promise<Uint8Array> {
  const atMost = decompressedAtMost(name, body.byteLength, maxBytes);
  share.take(atMost);
  try {
    // zlib stops at that length: a bomb costs no more than a large body.
    const text = await decompress(body, { maxOutputLength: maxBytes });
    share.giveBack(atMost - text.byteLength);
    return text;
  } catch (cause) {
    if (cause instanceof RangeError) throw bodyTooLarge(maxBytes);
    throw new AppError("malformed", "the body does not decompress", { cause });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("malformed", "the body is not valid UTF-8", { cause });
  }
  if (text.startsWith("\ufeff")) throw new AppError("malformed", "the body begins with a byte order mark");
  return text;
}

/**
 * Refuses a Content-Type that is not read as JSON. Taken are `application/json`, any `+json`, none at all, and the form type
 * (api.md, "media type"); each in UTF-8 or US-ASCII.
 *
 * Throws `unsupported_media_type`. To be asked only about a request that has a body.
 */
export function requireJson(contentType: string | undefined): void {
  if (contentType === undefined || contentType.trim() === "") return;
  const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim().toLowerCase());
  const isJson = type === "application/json" || type === FORM || /^[a-z]+\/[a-z0-9!#$&^_.+-]+\+json$/.test(type);
  if (!isJson) throw new AppError("unsupported_media_type", "the body must be application/json");
  for (const parameter of parameters) {
    const charset = /^charset=(.*)$/.exec(parameter)?.[1]?.replaceAll('"', "");
    if (charset !== undefined && !["utf-8", "utf8", "us-ascii"].includes(charset)) {
      throw new AppError("unsupported_media_type", "the body must be in UTF-8");
    }
  }
}
