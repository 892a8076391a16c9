import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import http from "node:http";
import type { Http2Session } from "node:http2";
import https from "node:https";
import { withHttp1Fallback } from "./http1-fallback.js";
import { check, isObject } from "./option-checks.js";

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

/**
 * gRPC over HTTP/2 for Node; without TLS when the URL says `http:`. With a peer that speaks HTTP/1.1 only, Connect over that. A path in
 * the URL stands before every call's. Disposing of it ends what is in flight. Throws a TypeError for options that are wrong.
 */
export function openNodeTransport(options: NodeTransportOptions): NodeTransport {
  checkOptions(options);
  const { url, timeoutMs, tls = {} } = options;
  // Pings find a connection that died without a word sooner than a watch's silence does.
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

/** What Node's timers hold; more would be no time at all. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

function checkOptions(options: NodeTransportOptions): void {
  check(isObject(options), "options", "an object");
  const { url, timeoutMs, tls = {} } = options;
  const protocol = typeof url === "string" && URL.canParse(url) ? new URL(url).protocol : "";
  check(protocol === "http:" || protocol === "https:", "url", "http://host:port or https://host:port");
  const isTimeout = typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS;
  check(isTimeout, "timeoutMs", `a number above 0, at most ${MAX_TIMEOUT_MS}`);
  check(isObject(tls), "tls", "an object");
  for (const name of ["ca", "cert", "key"] as const) {
    check(["string", "undefined"].includes(typeof tls[name]), `tls.${name}`, "a PEM text");
  }
}

function keptAlive(): http.Agent {
  return new http.Agent({ keepAlive: true });
}

/** Listens to the errors of its sessions for as long as they live: what nobody listens to would end the process. */
class Sessions extends Http2SessionManager {
  private readonly heard = new WeakSet<Http2Session>();

  override async request(...args: Parameters<Http2SessionManager["request"]>) {
    const stream = await super.request(...args);
    const { session } = stream;
    if (session !== undefined && !this.heard.has(session)) {
      this.heard.add(session);
      // Whoever called is told by the stream.
      session.on("error", () => undefined);
    }
    return stream;
  }
}
