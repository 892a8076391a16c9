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

// The three forms of an HTTP-date, which a recipient must all accept (RFC 9110, section 5.6.7).
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** Reads Retry-After (RFC 9110, section 10.2.3): whole seconds from now, 0 for a time that is over; null for anything else. */
export function parseRetryAfter(value: string | undefined, now: Date): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  const at = Date.parse(ASCTIME_DATE.test(text) ? `${text} GMT` : isDate(text) ? text : "");
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
}

function isDate(text: string): boolean {
  return IMF_FIXDATE.test(text) || RFC_850_DATE.test(text);
}
