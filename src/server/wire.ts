import type { Logger } from "pino";
import { createAuthenticator, MAX_RATE_KEYS, type Authenticator } from "../api/admission/authenticator.js";
import { AnswerMemory } from "../api/http/answer-memory.js";
import type { BodyMemory } from "../api/http/body-memory.js";
import { createHttpServer, type HttpServer } from "../api/http-server.js";
import type { ListenerLimits } from "../api/listener/limits.js";
import { referencePages } from "../api/http/reference-pages.js";
import { scanStrictJson } from "../bundle/strict-json.js";
import { createMethods } from "../api/methods/methods.js";
import type { Polls } from "../api/poll/polls.js";
import { ReportBudget } from "../api/admission/report-budget.js";
import { createRestHandler } from "../api/rest/handler.js";
import type { ScanJsonFor } from "../api/http/scan-json.js";
import { StreamingWatchHandler } from "../api/watch/watch-handler.js";
import { readAsset } from "../assets/assets.js";
import type { Services } from "./assemble.js";
import type { Config } from "../config/config.js";
import { listenerLimits } from "../config/limit-settings.js";
import { openFileLimit, RAISE_OPEN_FILES, withinOpenFiles } from "../config/open-files.js";
import type { Observability } from "../observability/observability.js";
import type { ListenerTls } from "../tls/listener-tls.js";
import type { Store } from "../store/store.js";
import { VERSION } from "../assets/version.js";

/** The one door of every protocol. */
export function openAuthenticator({ tokens, refusals, names }: Services, config: Config): Authenticator {
  return createAuthenticator({
    authenticate: (rawKey, onStopped) => tokens.authenticate(rawKey, onStopped),
    known: (rawKey) => tokens.known(rawKey),
    names,
    onRefused: refusals.count.bind(refusals),
    requestsPerMinute: config.rateLimit,
    failuresPerMinute: config.maxFailedAuthentications,
    maxRateKeys: MAX_RATE_KEYS,
  });
}

export interface WireParts {
  readonly services: Services;
  readonly store: Store;
  /** Why nothing can be changed now; null when it can. */
  readonly readOnly: () => string | null;
  readonly config: Config;
  readonly observability: Observability;
  readonly admission: Authenticator;
  /** Null sends polls and watches through the generic handlers. */
  readonly polls: Polls | null;
  readonly securePort: ListenerTls | null;
  readonly bodyMemory: BodyMemory;
  readonly log: Logger;
}

/** The wire: every protocol on one port, behind one door. Listens to nothing yet. */
export function openWire(parts: WireParts): HttpServer {
  const { services, store, config, observability, admission, polls, securePort, bodyMemory, log: logger } = parts;
  const { maxBodyBytes, corsOrigins, publicUrl, trustedProxies, proxyHeader } = config;
  const { metrics, tracing } = observability;
  const answerMemory = new AnswerMemory(config.maxAnswerMemoryBytes, metrics.limits);
  const onRefused = services.refusals.count.bind(services.refusals);
  const reports = new ReportBudget(config.rateLimit > 0);
  const methods = createMethods({ ...services, streams: metrics.streams, reports }, onRefused);
  const scan: ScanJsonFor = (owner) => async (text, options) =>
    owner === null ? scanStrictJson(text, options) : await services.documents.scan(owner, text, options);
  const watch = polls === null ? null : new StreamingWatchHandler(services.push, onRefused, metrics.streams);
  const ready = async () => {
    await store.ping();
    return (await store.read.operatorOrganization()) !== null;
  };
  const server = createHttpServer({
    ...{
      methods,
      admission,
      watch,
      polls,
      maxBodyBytes,
      bodyMemory,
      answerMemory,
      scan,
      corsOrigins,
      publicUrl,
      ready,
      readOnly: parts.readOnly,
      logger,
      metrics,
      tracing,
    },
    observer: metrics.requests,
    rest: createRestHandler({ methods, admission, watch, maxBodyBytes, bodyMemory, answerMemory, scan }),
    pages: referencePages(readAsset, publicUrl === null ? null : publicUrl.origin + publicUrl.path),
    version: VERSION,
    limits: limitsWithin(openFileLimit(), listenerLimits(config, trustedProxies), logger),
    limitObserver: metrics.limits,
    tls: securePort?.termination ?? null,
    proxyTrust: { hops: trustedProxies, header: proxyHeader },
  });
  services.tokenCache.onForget((isOver, at) => server.endTokens(isOver, at));
  return server;
}

/** Says it when the process may have fewer connections than it was told to take. */
function limitsWithin(openFiles: number | null, wanted: ListenerLimits, log: Logger): ListenerLimits {
  const limits = withinOpenFiles(wanted, openFiles);
  if (limits !== wanted) {
    const { maxConnections } = limits;
    log.warn(
      { openFiles, maxConnections, configured: wanted.maxConnections },
      `fewer connections than SIGNET_MAX_CONNECTIONS are taken, since this process may open too few files: ${RAISE_OPEN_FILES}`,
    );
  }
  return limits;
}
