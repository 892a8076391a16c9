import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { causesOf, NO_TLS_TEXT, speaksNoTls } from "./no-tls.js";

/** What Node says of a peer that speaks no HTTP/2: it broke the protocol with its first bytes, or chose another one by ALPN. */
const NO_HTTP2: ReadonlySet<unknown> = new Set([
  "ERR_HTTP2_ERROR",
  "ERR_HTTP2_SESSION_ERROR",
  "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
]);

/**
 * Calls by `http2` until it shows that the peer speaks HTTP/1.1 only, such as a proxy; from then on by `http1`, beginning with the call
 * that showed it: the peer could not read it. Errors of TLS on a port without it say so.
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
        // A peer that is broken in both ways may be well tomorrow.
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

function isWithoutHttp2(thrown: unknown): boolean {
  // An HTTP/2 peer may end a session by such an error too; then a number of its own stands in the text.
  return causesOf(thrown).some(({ code, message }) => NO_HTTP2.has(code) && !/\berror code\b/.test(message));
}

function isConnectionFailure(thrown: unknown): boolean {
  return causesOf(thrown).some(({ code }) => typeof code === "string" && /^E[A-Z]/.test(code));
}

function plainWords(thrown: unknown): unknown {
  // A status without a word of Connect's: whoever answered a call of ours with it does not know them.
  if (thrown instanceof ConnectError && /^HTTP \d{3}$/.test(thrown.rawMessage) && thrown.code === Code.Internal) {
    return new ConnectError(thrown.rawMessage, Code.Unimplemented, thrown.metadata, undefined, thrown);
  }
  if (!speaksNoTls(thrown)) return thrown;
  return new ConnectError(NO_TLS_TEXT, Code.Unavailable, undefined, undefined, thrown);
}
