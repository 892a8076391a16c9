import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { causesOf } from "./signet-error.js";

/** Node's error codes for a peer that does not speak HTTP/2: its first bytes broke the protocol, or ALPN chose another one. */
const NO_HTTP2: ReadonlySet<unknown> = new Set([
  "ERR_HTTP2_ERROR",
  "ERR_HTTP2_SESSION_ERROR",
  "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
]);

/** The message for https:// with a port without TLS. */
export const NO_TLS_TEXT = "the port does not speak TLS: use http://…";

/** OpenSSL's error codes for a peer that does not speak TLS. */
const NO_TLS: ReadonlySet<unknown> = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/**
 * Calls over `http2` until the peer proves to speak HTTP/1.1 only, as some proxies do; from then on over `http1`, starting with the call
 * that failed, which the peer could not read. An https:// URL of a port without TLS gets an error that says so.
 */
export function withHttp1Fallback(http2: Transport, http1: Transport): Transport {
  let current = http2;
  const call = async <T>(by: (transport: Transport) => Promise<T>): Promise<T> => {
    const tried = current;
    try {
      return await by(tried);
    } catch (thrown) {
      if (tried !== http2 || !isWithoutHttp2(thrown)) throw plainWords(thrown);
      current = http1;
      return await by(http1).catch((again: unknown) => {
        // A peer that fails both ways may recover: the next call tries HTTP/2 again.
        if (isConnectionFailure(again)) current = http2;
        throw plainWords(again);
      });
    }
  };
  return {
    unary: (...args) => call((transport) => transport.unary(...args)),
    stream: (...args) => call((transport) => transport.stream(...args)),
  };
}

/** Whether a call failed because the peer does not speak HTTP/2. */
export function isWithoutHttp2(thrown: unknown): boolean {
  // An HTTP/2 peer may end a session with such an error too; then the message has an HTTP/2 error code.
  return causesOf(thrown).some(({ code, message }) => NO_HTTP2.has(code) && !/\berror code\b/.test(message));
}

function isConnectionFailure(thrown: unknown): boolean {
  return causesOf(thrown).some(({ code }) => typeof code === "string" && /^E[A-Z]/.test(code));
}

function plainWords(thrown: unknown): unknown {
  // A bare HTTP status without a Connect error: the peer does not know the call.
  if (thrown instanceof ConnectError && /^HTTP \d{3}$/.test(thrown.rawMessage) && thrown.code === Code.Internal) {
    return new ConnectError(thrown.rawMessage, Code.Unimplemented, thrown.metadata, undefined, thrown);
  }
  if (!speaksNoTls(thrown)) return thrown;
  return new ConnectError(NO_TLS_TEXT, Code.Unavailable, undefined, undefined, thrown);
}

/** Whether a connection failed because https:// led to a port without TLS. */
export function speaksNoTls(thrown: unknown): boolean {
  return causesOf(thrown).some(({ code, message }) => {
    // Node's `https` module says it in the message only.
    return NO_TLS.has(code) || (code === "EPROTO" && /wrong version number|packet length too long/.test(message));
  });
}
