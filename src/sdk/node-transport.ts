import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

export interface NodeTransportOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** For how long a call may take; a watch has no such limit. */
  readonly timeoutMs: number;
}

/** A transport that owns its connection. */
export interface NodeTransport extends Disposable {
  readonly transport: Transport;
}

/** gRPC over HTTP/2 for Node; without TLS when the URL says `http:`. Disposing of it ends what is in flight. */
export function openNodeTransport({ url, timeoutMs }: NodeTransportOptions): NodeTransport {
  // Pings find a connection that died without a word sooner than a watch's silence does.
  const sessionManager = new Http2SessionManager(url, { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 });
  const transport = createGrpcTransport({ baseUrl: url, sessionManager, defaultTimeoutMs: timeoutMs });
  return { transport, [Symbol.dispose]: () => sessionManager.abort() };
}
