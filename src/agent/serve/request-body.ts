import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Refusal } from "./local-answer.js";

const unzip = promisify(gunzip);

/**
 * Reads a body of at most `maxBytes`, unpacked or not.
 *
 * @throws Refusal 413, 415 for another coding than gzip, 400 for what is no gzip
 */
export async function readRequestBody(request: IncomingMessage, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  const coding = request.headers["content-encoding"] ?? "identity";
  if (!["gzip", "identity"].includes(coding)) throw new Refusal(415, null, "a body may be coded by gzip alone");
  const packed = await readPacked(request, maxBytes);
  if (coding === "identity") return packed;
  try {
    return Buffer.from(await unzip(packed, { maxOutputLength: maxBytes }));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new Refusal(400, null, "the body is no gzip");
  }
}

/** Reads a body as it comes. Throws as readRequestBody does. */
export async function readPacked(request: IncomingMessage, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): Refusal {
  // The rest of the body would be read as the next request.
  return new Refusal(413, null, `a body may have at most ${maxBytes} bytes`, { Connection: "close" });
}
