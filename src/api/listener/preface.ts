import type { Socket } from "node:net";

/** What every HTTP/2 connection begins with (RFC 9113, section 3.4). No HTTP/1.1 request can. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** The type of a TLS handshake record (RFC 8446, section 5.1), its first byte. No HTTP begins with it. */
const TLS_HANDSHAKE = 0x16;

/** The protocol of a connection. */
export type WireVersion = "http1" | "http2" | "tls";

/**
 * Reads as many bytes of a connection as tell HTTP/1.1, HTTP/2 and TLS apart, puts them back, and calls `decided`. Anything else counts
 * as HTTP/1.1, whose parser refuses it.
 *
 * A connection that ends before, or sends too little within `timeoutMs` (then `tooSlow` is called), is destroyed.
 */
export function peekVersion(
  socket: Socket,
  timeoutMs: number,
  decided: (version: WireVersion) => void,
  tooSlow: () => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => {
    tooSlow();
    socket.destroy();
  }, timeoutMs);
  const gone = () => socket.destroy();

  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const version = versionOf(seen);
    if (version === undefined) return;
    stop();
    socket.pause();
    socket.unshift(seen);
    decided(version);
  };
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("end", gone);
    socket.off("close", stop);
  };

  socket.on("data", onData);
  socket.on("end", gone);
  socket.on("close", stop);
}

/** Undefined while it can still be more than one. */
function versionOf(seen: Buffer): WireVersion | undefined {
  if (seen[0] === TLS_HANDSHAKE) return "tls";
  const compared = Math.min(seen.length, PREFACE.length);
  const same = seen.subarray(0, compared).equals(PREFACE.subarray(0, compared));
  if (!same) return "http1";
  return compared === PREFACE.length ? "http2" : undefined;
}
