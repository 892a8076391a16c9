import type { IncomingMessage } from "node:http";

/**
 * The first bytes of a body as UTF-8. Reads no further: where there is more, the connection is closed. Never rejects; a body that
 * breaks off, or is cut off by an abort, is what came of it.
 */
export async function readPrefix(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) break;
    }
  } catch {
    // The status has come, and is what counts.
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}
