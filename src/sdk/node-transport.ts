import type { Transport } from "@connectrpc/connect";
import { withHttp1Fallback } from "./http1-fallback.js";
import type { NodeTransportOptions } from "./node-transport-options.js";
import { openNodeTransports } from "./node-transports.js";

export type { NodeTransportOptions, NodeTransportTls } from "./node-transport-options.js";

/** A transport that owns its connection: dispose of it. */
export interface NodeTransport extends Disposable {
  readonly transport: Transport;
}

/**
 * gRPC over HTTP/2 for Node, without TLS for `http:`. Falls back to Connect over HTTP/1.1 if the peer speaks nothing else. A path in the
 * URL is prefixed to that of every call. Disposing of it ends calls in flight. Throws a TypeError for invalid options.
 */
export function openNodeTransport(options: NodeTransportOptions): NodeTransport {
  const { grpc, connect, [Symbol.dispose]: dispose } = openNodeTransports(options);
  return { transport: withHttp1Fallback(grpc, connect), [Symbol.dispose]: dispose };
}
