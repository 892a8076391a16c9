import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

export interface NodeTransportOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** For how long a call may take; a watch has no such limit. */
  readonly timeoutMs: number;
  /** For `https:`. Without it: the public roots that Node brings, and no client certificate. */
  readonly tls?: NodeTransportTls;
}

/** PEM texts. */
export interface NodeTransportTls {
  /** Who may sign the server's certificate, instead of the public roots. */
  readonly ca?: string | undefined;
  /** The client's own certificate and its key, where the server asks for one. It does not replace the token. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A transport that owns its connection. */
export interface NodeTransport extends Disposable {
  readonly transport: Transport;
}

/** gRPC over HTTP/2 for Node; without TLS when the URL says `http:`. Disposing of it ends what is in flight. */
export function openNodeTransport({ url, timeoutMs, tls = {} }: NodeTransportOptions): NodeTransport {
  // Pings find a connection that died without a word sooner than a watch's silence does.
  const pings = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 };
  const sessionManager = new Http2SessionManager(url, pings, { ...tls, minVersion: "TLSv1.2" });
  const transport = createGrpcTransport({ baseUrl: url, sessionManager, defaultTimeoutMs: timeoutMs });
  return { transport, [Symbol.dispose]: () => sessionManager.abort() };
}
