import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import http from "node:http";
import type { Http2Session } from "node:http2";
import https from "node:https";
import { withHttp1Fallback } from "./http1-fallback.js";
import { check, isObject } from "../bundle/verify-arguments.js";
import { checkServer } from "./option-checks.js";

/** The server of a Node transport. */
export interface NodeTransportOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** The limit for a call, in milliseconds; a watch has none. */
  readonly timeoutMs: number;
  /** For `https:`. Default: the public CAs of Node, and no client certificate. */
  readonly tls?: NodeTransportTls;
}

/** Certificates and a key for TLS, as PEM texts. */
export interface NodeTransportTls {
  /** The CA of the server's certificate, instead of the public CAs. */
  readonly ca?: string | undefined;
  /** The client certificate and its key, if the server requires one. It does not replace the token. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A transport that owns its connection: dispose of it. */
export interface NodeTransport extends Disposable {
  readonly transport: Transport;
}

/**
 * gRPC over HTTP/2 for Node, without TLS for `http:`. Falls back to Connect over HTTP/1.1 if the peer speaks nothing else. A path in the
 * URL is prefixed to that of every call. Disposing of it ends calls in flight. Throws a TypeError for invalid options.
 */
export function openNodeTransport(options: NodeTransportOptions): NodeTransport {
  checkOptions(options);
  const { url, timeoutMs, tls = {} } = options;
  // Pings detect a dead connection sooner than the silence of a watch does.
  const pings = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 };
  const secure = { ...tls, minVersion: "TLSv1.2" } as const;
  const sessionManager = new Sessions(url, pings, secure);
  const grpc = createGrpcTransport({ baseUrl: url, sessionManager, defaultTimeoutMs: timeoutMs });
  const agent = url.startsWith("https:") ? new https.Agent({ ...secure, keepAlive: true }) : keptAlive();
  const http1 = createConnectTransport({
    ...{ baseUrl: url, httpVersion: "1.1", nodeOptions: { agent }, useBinaryFormat: true, defaultTimeoutMs: timeoutMs },
  });
  const dispose = () => {
    sessionManager.abort();
    agent.destroy();
  };
  return { transport: withHttp1Fallback(grpc, http1), [Symbol.dispose]: dispose };
}

function checkOptions(options: NodeTransportOptions): void {
  check(isObject(options), "options", "an object");
  const { url, timeoutMs, tls = {} } = options;
  checkServer(url, timeoutMs);
  check(isObject(tls), "tls", "an object");
  for (const name of ["ca", "cert", "key"] as const) {
    check(["string", "undefined"].includes(typeof tls[name]), `tls.${name}`, "a PEM text");
  }
}

function keptAlive(): http.Agent {
  return new http.Agent({ keepAlive: true });
}

/** Listens to the errors of its sessions, because an error event without a listener ends the process. */
class Sessions extends Http2SessionManager {
  private readonly heard = new WeakSet<Http2Session>();

  override async request(...args: Parameters<Http2SessionManager["request"]>) {
    const stream = await super.request(...args);
    const { session } = stream;
    if (session !== undefined && !this.heard.has(session)) {
      this.heard.add(session);
      // The stream reports it to the caller.
      session.on("error", () => undefined);
    }
    return stream;
  }
}
