import type { Socket } from "node:net";

/** What every HTTP/2 connection begins with (RFC 9113, section 3.4). No HTTP/1.1 request can. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export type WireVersion = "http1" | "http2";

/**
 * Reads as many bytes of a connection as tell HTTP/1.1 from HTTP/2, puts them back, and says which it is. What is neither counts
 * as HTTP/1.1, whose parser refuses it.
 *
 * A connection that does not say enough within `timeoutMs`, or ends before, is destroyed and `decided` is not called.
 */
export function peekVersion(socket: Socket, timeoutMs: number, decided: (version: WireVersion) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const gone = () => socket.destroy();

  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, PREFACE.length);
    const same = seen.subarray(0, compared).equals(PREFACE.subarray(0, compared));
    if (same && compared < PREFACE.length) return;
    stop();
    socket.pause();
    socket.unshift(seen);
    decided(same ? "http2" : "http1");
  };
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("end", gone);
    socket.off("close", stop);
  };

  socket.on("data", onData);
  socket.once("end", gone);
  socket.once("close", stop);
}
