import type { Logger } from "pino";
import { createAuthenticator, MAX_RATE_KEYS, type Authenticator } from "../../api/admission/authenticator.js";
import { AnswerMemory } from "../../api/http/answer-memory.js";
import type { BodyMemory } from "../../api/http/body-memory.js";
import { createHttpServer, type HttpServer } from "../../api/http-server.js";
import type { ListenerLimits } from "../../api/listener/limits.js";
import { referencePages } from "../../api/pages/reference-pages.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import type { Diagnosis } from "../../api/methods/system.js";
import { createMethods } from "../../api/methods/methods.js";
import { whoAmIJson } from "../../api/methods/tokens.js";
import { Polls } from "../../api/poll/polls.js";
import { ReportBudget } from "../../api/admission/report-budget.js";
import { createRestHandler } from "../../api/rest/handler.js";
import type { ScanJsonFor } from "../../api/http/scan-json.js";
import { StreamingWatchHandler } from "../../api/watch/watch-handler.js";
import { readAsset } from "../../assets/assets.js";
import { openBuilt, openConsole } from "../../assets/built.js";
import type { Backups } from "../../service/backups/backups.js";
import type { Services } from "./services.js";
import { systemClock } from "../../core/clock.js";
import type { Config } from "../../config/config.js";
import { formatPublicUrl } from "../../config/public-url.js";
import { listenerLimits } from "../../config/limit-settings.js";
import { openFileLimit, RAISE_OPEN_FILES, withinOpenFiles } from "../../config/open-files.js";
import type { Observability } from "../../observability/observability.js";
import type { ListenerTls } from "../../tls/listener-tls.js";
import type { AppError } from "../../core/error.js";
import type { DiskFigures } from "../../observability/disk-metrics.js";
import { readFleetFigures } from "../../service/runtimes/fleet-figures.js";
import type { Store } from "../../store/store.js";
import { VERSION } from "../../assets/version.js";

/** Checks the credentials of every protocol's requests. */
function composeAuthenticator(services: Pick<Services, "tokens" | "audit" | "tenancy">, config: Config): Authenticator {
  const { authentication, consoleSessions } = services.tokens;
  const { refusals } = services.audit;
  return createAuthenticator({
    authenticate: (rawKey, onStopped) => authentication.authenticate(rawKey, onStopped),
    known: (rawKey) => authentication.known(rawKey),
    consoleSessions: config.console === "on" ? consoleSessions : null,
    names: services.tenancy.names,
    onRefused: refusals.count.bind(refusals),
    requestsPerMinute: config.rateLimit,
    failuresPerMinute: config.maxFailedAuthentications,
    maxRateKeys: MAX_RATE_KEYS,
  });
}

/** What the HTTP server is composed of. */
export interface HttpParts {
  readonly services: Services;
  readonly backups: Backups;
  readonly store: Store;
  /** Why the database takes no changes now; null when it does. */
  readonly readOnly: () => string | null;
  readonly diagnosis: Diagnosis;
  /** The disk of SQLite; null for PostgreSQL. */
  readonly disk: {
    /** What changes are refused with while the disk is full; null while it is not. */
    readonly refusal: AppError | null;
    readonly figures: DiskFigures;
  } | null;
  readonly config: Config;
  readonly observability: Observability;
  /** Null serves without TLS. */
  readonly tls: ListenerTls | null;
  readonly bodyMemory: BodyMemory;
  readonly log: Logger;
  /** Log lines of the process that could not be written, for the metrics. */
  readonly droppedLogLines: () => number;
}

/** Composes the methods of the API and every protocol on one port. Listens to nothing yet. */
export function composeHttp(parts: HttpParts): { readonly http: HttpServer; readonly polls: Polls } {
  const { services, store, disk, config, observability, tls, bodyMemory, log: logger } = parts;
  const { maxBodyBytes, corsOrigins, publicUrls, trustedProxies, proxyHeader } = config;
  const { metrics, tracing } = observability;
  const { audit, documents, keys, rotation, runtimes, tenancy, tokens, watches } = services;
  const admission = composeAuthenticator(services, config);
  const polls = new Polls({
    admission,
    active: runtimes.active,
    policies: runtimes.policies,
    proofs: services.proofs.proofs,
    freshness: tokens.freshness,
    observer: metrics.requests,
    tracing,
    logger,
  });
  const answerMemory = new AnswerMemory(config.maxAnswerMemoryBytes, metrics.limits);
  const onRefused = audit.refusals.count.bind(audit.refusals);
  const methods = createMethods(
    {
      ...{ ...audit, ...keys, ...rotation, ...tenancy, ...tokens, ...runtimes, ...watches },
      ...{ ...services.proofs, ...services.bundles, ...services.pipelines, ...services.transfer, ...services.webhooks },
      ...services.roots,
      ...services.opa,
      backups: parts.backups,
      ...{ clock: systemClock, streams: metrics.streams, reports: new ReportBudget(config.rateLimit > 0) },
      ...{ diagnosis: parts.diagnosis, version: VERSION, ...services.nodes },
      reached: { publicUrls: publicUrls.map(formatPublicUrl), trustedProxies },
    },
    { onRefused, names: tenancy.names, diskRefusal: () => disk?.refusal ?? null },
  );
  const scan: ScanJsonFor = (owner) => async (text, options) =>
    owner === null ? scanStrictJson(text, options) : await documents.scan(owner, text, options);
  const watch = new StreamingWatchHandler(
    runtimes.push,
    onRefused,
    metrics.streams,
    runtimes.contents,
    runtimes.policies,
  );
  const ready = async () => {
    await store.ping();
    return (await store.read.operatorOrganization()) !== null;
  };
  const http = createHttpServer({
    ...{ methods, admission, watch, polls, maxBodyBytes, bodyMemory, answerMemory, scan },
    ...{ corsOrigins, publicUrls, ready, readOnly: parts.readOnly, logger, metrics, tracing },
    diskFull: () => disk?.refusal?.message ?? null,
    observer: metrics.requests,
    rest: createRestHandler({ methods, admission, watch, maxBodyBytes, bodyMemory, answerMemory, scan }),
    pages: referencePages(readAsset, openBuilt("manual"), publicUrls.map(formatPublicUrl)),
    console: config.console === "on" ? { build: openConsole() } : null,
    consoleSessions:
      config.console === "on"
        ? {
            sessions: tokens.consoleSessions,
            describe: async (principal) => whoAmIJson(await tokens.authentication.whoAmI(principal), VERSION),
            onRefused,
          }
        : null,
    version: VERSION,
    limits: limitsWithin(openFileLimit(), listenerLimits(config, trustedProxies), logger),
    limitObserver: metrics.limits,
    tls: tls?.termination ?? null,
    proxyTrust: { hops: trustedProxies, header: proxyHeader },
  });
  tokens.cache.onForget((isOver, at) => http.endTokens(isOver, at));
  metrics.readFrom({
    clock: systemClock,
    webhookBacklog: () => store.read.webhookBacklog(),
    fleet: () => readFleetFigures(store.read, systemClock),
    certificateNotAfter: () => tls?.notAfter() ?? null,
    heldPolls: () => tokens.sessions.count("poll"),
    nodes: {
      counts: () => services.nodes.nodes.counts(),
      lagMs: () => services.nodes.nodes.lagMs,
      listenerLosses: () => services.nodes.nodes.listenerLosses,
    },
    connections: () => http.connections,
    droppedLogLines: parts.droppedLogLines,
    backups: () => ({
      lastSuccess: parts.backups.lastSuccess,
      intervalSeconds: config.backupEveryHours * 3_600,
    }),
    disk: disk === null ? null : () => disk.figures,
  });
  return { http, polls };
}

/** The limits of the port, warned of when the process may open fewer files than they need. */
function limitsWithin(openFiles: number | null, wanted: ListenerLimits, log: Logger): ListenerLimits {
  const limits = withinOpenFiles(wanted, openFiles);
  if (limits !== wanted) {
    const { maxConnections } = limits;
    log.warn(
      { openFiles, maxConnections, configured: wanted.maxConnections },
      `fewer connections than SIGNET_MAX_CONNECTIONS are accepted: the process may open too few files: ${RAISE_OPEN_FILES}`,
    );
  }
  return limits;
}
