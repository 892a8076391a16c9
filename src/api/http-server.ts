import type { RequestListener } from "./http/node-http.js";
import type { DescService } from "@bufbuild/protobuf";
import type { MethodImplSpec } from "@connectrpc/connect";
import { setMaxListeners } from "node:events";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { Health } from "../../gen/health/v1/health_pb.js";
import type { LimitObserver } from "../core/limit.js";
import type { Principal } from "../core/token.js";
import type { Tracing } from "../core/trace.js";
import type { Authenticator } from "./admission/authenticator.js";
import type { ScanJsonFor } from "./http/scan-json.js";
import type { AnswerMemory } from "./http/answer-memory.js";
import type { BodyMemory } from "./http/body-memory.js";
import { createClientAddressOf, type ProxyTrust } from "./http/client-address.js";
import { createRpcHandler } from "./rpc/connect.js";
import type { ConnectionCounts } from "./listener/connections.js";
import type { Polls } from "./poll/polls.js";
import type { WatchHandler } from "./http/watch-contract.js";
import { createCorsPolicy } from "./http/cors.js";
import { createDispatch } from "./dispatch.js";
import type { RestHandler } from "./rest/rest-contract.js";
import { createHealthMethods } from "./rpc/health.js";
import type { ListenerLimits } from "./listener/limits.js";
import { createListener } from "./listener/listener.js";
import { createMetricsPage, type MetricsSource } from "./http/metrics-page.js";
import { shuttingDown } from "./http/observed-method.js";
import { CONSOLE_PATH, createConsolePages, type ConsoleBuild } from "./pages/console-pages.js";
import { createHome } from "./pages/home.js";
import { createPages, joinPages, type Page, type Pages } from "./pages/pages.js";
import { createProbes } from "./http/probes.js";
import { createSessionCookies } from "./session/session-cookies.js";
import { createSessionEndpoint, type SessionEndpointOptions } from "./session/session-endpoint.js";
import { createReflectionMethods } from "./rpc/reflection.js";
import type { RequestObserver } from "./http/request-observer.js";
import type { TlsTermination } from "./listener/tls-termination.js";

/** The parts of the HTTP server. */
export interface HttpServerOptions {
  /** Guarded (guard.ts). */
  readonly methods: readonly MethodImplSpec[];
  readonly admission: Authenticator;
  readonly rest: RestHandler;
  /** As in RpcOptions. */
  readonly watch: WatchHandler | null;
  /** As in DispatchOptions. */
  readonly polls: Polls | null;
  readonly pages: readonly Page[];
  /** As it was built, null without a build; null without a console. */
  readonly console: { readonly build: ConsoleBuild | null } | null;
  readonly maxBodyBytes: number;
  readonly bodyMemory: BodyMemory;
  readonly answerMemory: AnswerMemory;
  readonly scan: ScanJsonFor;
  readonly corsOrigins: readonly string[];
  /** Where others reach the server through proxies; empty without one that changes host or path. */
  readonly publicUrls: readonly { readonly origin: string; readonly path: string }[];
  /** What the sessions of the console need; null without the console. */
  readonly consoleSessions: Pick<SessionEndpointOptions, "sessions" | "describe" | "onRefused"> | null;
  readonly version: string;
  readonly ready: () => Promise<boolean>;
  /** As ProbeOptions.readOnly. */
  readonly readOnly?: () => string | null;
  /** As ProbeOptions.diskFull. */
  readonly diskFull?: () => string | null;
  readonly metrics: MetricsSource;
  readonly observer: RequestObserver;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly limits: ListenerLimits;
  readonly limitObserver: LimitObserver;
  /** Null serves without TLS. */
  readonly tls: TlsTermination | null;
  readonly proxyTrust: ProxyTrust;
}

/** All protocols on one port. */
export interface HttpServer extends AsyncDisposable {
  /** Resolves when connections are accepted; rejects when the port is taken. Port 0 is any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  readonly connections: ConnectionCounts;
  /** As Listener. */
  endTokens(isOver: (principal: Principal) => boolean, at: Date | null): void;
  /**
   * Ends streams and held polls with `unavailable`, says NOT_SERVING and GOAWAY, accepts nothing more, and waits up to `graceMs`
   * for requests in flight. Never rejects.
   */
  close(graceMs: number): Promise<void>;
}

/** Puts the parts of this folder together. Throws when a method has no operation or two pages one path: such a server must not start. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { methods, admission, rest, watch, polls, pages, maxBodyBytes, bodyMemory, answerMemory, scan } = options;
  const { corsOrigins, version, ready } = options;
  const { limits, tls, proxyTrust, observer, tracing, logger } = options;
  const shutdown = new AbortController();
  const shutdownSignal = shutdown.signal;
  // Every stream listens to it: there is no number of listeners from which on it would be a leak.
  setMaxListeners(0, shutdownSignal);
  const services = [...new Set<DescService>(methods.map(({ method }) => method.parent))];
  const names = services.map(({ typeName }) => typeName);
  const { maxHealthWatches: maxWatches, maxHealthWatchesPerAddress: maxWatchesPerAddress } = limits;
  const healthLimits = { maxWatches, maxWatchesPerAddress, observer: options.limitObserver };
  const publicMethods = [
    ...createHealthMethods({ services: names, shutdownSignal, ...healthLimits }),
    ...createReflectionMethods([...services, Health]),
  ];
  const rpc = createRpcHandler({
    ...{ methods, publicMethods, admission, watch, maxBodyBytes, bodyMemory, answerMemory, scan, shutdownSignal },
  });
  const probes = createProbes({
    ...{ version, ready, shutdownSignal },
    ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
    ...(options.diskFull === undefined ? {} : { diskFull: options.diskFull }),
  });
  const publicOrigins = options.publicUrls.map(({ origin }) => origin);
  const cors = createCorsPolicy(corsOrigins, publicOrigins);
  const cookies = createSessionCookies((req, origin) => cors.isOwn(req, origin), publicOrigins);
  const { consoleSessions } = options;
  const endpoint = consoleSessions === null ? null : createSessionEndpoint({ admission, cookies, ...consoleSessions });
  const clientAddressOf = createClientAddressOf(proxyTrust);
  const prefixes = [...new Set(options.publicUrls.map(({ path }) => path))];
  const dispatch = withoutPrefix(
    // The longest first: one may begin with another.
    prefixes.filter((prefix) => prefix !== "").sort((a, b) => b.length - a.length),
    createDispatch({
      ...{ polls, probes, pages: allPages(pages, options.console, prefixes), cors, rpc, rest },
      metrics: createMetricsPage(admission, options.metrics),
      consoleSessions: endpoint === null ? null : { endpoint, cookies },
      ...{ observer, tracing, shutdownSignal, logger, clientAddressOf },
    }),
  );
  const listener = createListener(dispatch, limits, { tls, observer: options.limitObserver });
  const close = async (graceMs: number) => {
    shutdown.abort(shuttingDown());
    await listener.close(graceMs);
  };
  return {
    listen: (host, port) => listener.listen(host, port),
    get connections() {
      return listener.connections;
    },
    endTokens: (isOver, at) => listener.endTokens(isOver, at),
    close,
    [Symbol.asyncDispose]: () => close(0),
  };
}

/** The files, the console, and where browsers are led from `/`. */
function allPages(pages: readonly Page[], console: HttpServerOptions["console"], prefixes: readonly string[]): Pages {
  const [prefix = "", ...others] = prefixes;
  const home = createHome(console === null ? "docs" : CONSOLE_PATH.slice(1), others.length === 0 ? prefix : "");
  const files = createPages(pages);
  return joinPages(console === null ? [home, files] : [home, createConsolePages(console.build), files]);
}

/**
 * Takes a prefix off the paths of requests that have it, for proxies that serve the whole below a path and pass that path on; those
 * that strip it send paths as they are here.
 */
function withoutPrefix(prefixes: readonly string[], listener: RequestListener): RequestListener {
  if (prefixes.length === 0) return listener;
  return (req, res) => {
    const { url = "" } = req;
    for (const prefix of prefixes) {
      const rest = url.startsWith(prefix) ? url.slice(prefix.length) : undefined;
      if (rest === undefined || !/^(?:[/?]|$)/.test(rest)) continue;
      req.url = rest.startsWith("/") ? rest : `/${rest}`;
      break;
    }
    listener(req, res);
  };
}
