import type { Logger } from "pino";
import { adminTokenFile, keepAdminToken } from "./admin-token-file.js";
import { createAdmission, MAX_RATE_KEYS } from "./api/admission-door.js";
import type { Admission } from "./api/admission.js";
import { DEFAULT_LIMITS } from "./api/http/limits.js";
import { createHttpServer, type HttpServer } from "./api/http/http-server.js";
import { createMethods } from "./api/methods.js";
import { Polls } from "./api/poll/polls.js";
import { createRestHandler } from "./api/rest/handler.js";
import { WatchDoor } from "./api/watch/door.js";
import { assembleServices, type Services } from "./assemble.js";
import type { Config } from "./config.js";
import { addSeconds, instantOf, systemClock } from "./core/clock.js";
import { openDataDirectory, type DataDirectory } from "./data-directory.js";
import { createLogger } from "./logger.js";
import { bootstrap, keepPublicKeys } from "./service/bootstrap.js";
import { chosenRawKey, createRawKey } from "./service/raw-key.js";
import { tellExpiringTokens } from "./service/token-events.js";
import type { Store } from "./store/store.js";
import { startUpkeep, type Chore } from "./upkeep.js";
import { VERSION } from "./version.js";

/** What the first start of a data directory made. */
export interface FirstStart {
  readonly orgId: string;
  readonly projectId: string;
  /** The admin token that was made; null when the operator chose it. To be shown once, on a terminal only. */
  readonly adminToken: string | null;
}

/** A server that answers. Disposing of it drains and closes it: streams end with UNAVAILABLE, requests in flight finish. */
export interface RunningServer extends AsyncDisposable {
  /** `http://HOST:PORT`, with the port that it really has. */
  readonly url: string;
  readonly dataDirectory: string;
  /** Where a made admin token is kept. */
  readonly adminTokenFile: string;
  /** Null on every start but the first. */
  readonly firstStart: FirstStart | null;
}

/** How a server answers; what it answers is the same. For tests and measurements. */
export interface ServerOptions {
  /** Whether watches and polls have paths of their own, or go through the generic handlers. */
  readonly hotPaths: boolean;
}

/**
 * Starts a server: locks and opens the data directory, makes what a new one needs, and listens.
 *
 * Throws AppError `conflict` when another process owns the directory, and Node's own error (`EADDRINUSE`) when the port is taken;
 * nothing is left open then.
 */
export async function startServer(
  config: Config,
  log: Logger = createLogger(config.logLevel),
  options: ServerOptions = { hotPaths: true },
): Promise<RunningServer> {
  const directory = await openDataDirectory({
    path: config.data,
    signingKey: config.signingKey,
    synchronous: config.synchronous,
    create: true,
  });
  try {
    return await startOn(directory, config, log, options);
  } catch (thrown) {
    await directory[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function startOn(
  directory: DataDirectory,
  config: Config,
  log: Logger,
  options: ServerOptions,
): Promise<RunningServer> {
  const { store, keys } = directory;
  if (keys.problem !== null) {
    log.error({ reason: keys.problem }, "the bundle signing key cannot be used: publishing and promoting will fail");
  }
  await keepPublicKeys(store, systemClock, keys);
  const services = assembleServices({
    store,
    keys,
    clock: systemClock,
    sessionLimits: { stream: config.maxStreams, poll: config.maxHeldPolls },
    heartbeatMs: config.heartbeatMs,
    webhooks: {
      allowList: config.webhookAllow,
      schedule: config.webhookRetrySeconds,
      timeoutMs: config.webhookTimeoutMs,
      userAgent: `signet/${VERSION}`,
      onError: (error) => log.error({ err: error }, "a webhook delivery could not be handled"),
    },
  });
  const admission = createDoor(services, config);
  const polls = options.hotPaths ? new Polls({ admission, active: services.active, logger: log }) : null;
  const http = httpServer({ services, directory, config, logger: log, admission, polls, options });
  const { address, port } = await http.listen(config.host, config.port);
  // Only now: a first start that finds its port taken is a first start again, and tells then where the admin token is.
  const firstStart = await makeFirstStart(directory, services, config);
  await services.dispatcher.start();
  const upkeep = startUpkeep([...choresOf(services, directory, config, log), countPolls(polls, log)], log);
  const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  log.info({ url, data: directory.path, version: VERSION }, "listening");

  const stop = async () => {
    log.info("shutting down");
    services.sessions.shutdown();
    try {
      await http.close(config.shutdownGraceMs);
      await upkeep[Symbol.asyncDispose]();
      await services.dispatcher[Symbol.asyncDispose]();
      await flush(services);
    } finally {
      await directory[Symbol.asyncDispose]();
    }
    log.info("stopped");
  };
  let stopped: Promise<void> | null = null;
  return {
    url,
    dataDirectory: directory.path,
    adminTokenFile: adminTokenFile(directory.path),
    firstStart,
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

function createDoor({ tokens, refusals }: Services, config: Config): Admission {
  return createAdmission({
    authenticate: (rawKey) => tokens.authenticate(rawKey),
    known: (rawKey) => tokens.known(rawKey),
    onRefused: refusals.count.bind(refusals),
    requestsPerMinute: config.rateLimit,
    maxRateKeys: MAX_RATE_KEYS,
  });
}

interface Wire {
  readonly services: Services;
  readonly directory: DataDirectory;
  readonly config: Config;
  readonly logger: Logger;
  readonly admission: Admission;
  readonly polls: Polls | null;
  readonly options: ServerOptions;
}

/** The wire: every protocol on one port, behind one door. */
function httpServer({ services, directory, config, logger, admission, polls, options }: Wire): HttpServer {
  const { maxBodyBytes, corsOrigins } = config;
  const { store } = directory;
  const onRefused = services.refusals.count.bind(services.refusals);
  const methods = createMethods(services, onRefused);
  const ready = async () => {
    await store.ping();
    return (await store.read.operatorOrganization()) !== null;
  };
  const watch = options.hotPaths ? new WatchDoor(services.push, onRefused) : null;
  return createHttpServer({
    ...{ methods, admission, watch, polls, maxBodyBytes, corsOrigins, ready, logger },
    rest: createRestHandler({ methods, admission, watch, maxBodyBytes }),
    version: VERSION,
    limits: DEFAULT_LIMITS,
  });
}

function choresOf(services: Services, { store }: DataDirectory, config: Config, log: Logger): readonly Chore[] {
  const { clock, outbox } = services;
  const prune = async () => {
    const before = addSeconds(instantOf(clock.now()), -config.webhookRetentionDays * 86_400);
    await store.write((tx) => tx.deleteDeliveries(before));
  };
  return [
    { name: "runtime reports", everyMs: 1_000, run: () => services.instances.flush() },
    { name: "token use", everyMs: 10_000, run: () => services.use.flush() },
    { name: "refusals", everyMs: 15_000, run: () => services.refusals.flush() },
    { name: "idempotency keys", everyMs: 600_000, run: () => services.idempotency.prune() },
    { name: "token expiry", everyMs: 600_000, run: () => tellExpiringTokens({ store, clock, outbox }) },
    { name: "webhook counts", everyMs: 60_000, run: () => logWebhooks(services, store, log) },
    { name: "old webhook events", everyMs: 600_000, run: prune },
  ];
}

/** In place of a line for each poll that was answered from memory (docs/operate.md, "Logs"). */
function countPolls(polls: Polls | null, log: Logger): Chore {
  const run = async () => {
    const { ok, notModified } = polls?.takeCounts() ?? { ok: 0, notModified: 0 };
    if (ok + notModified > 0) log.info({ ok, notModified }, "polls");
  };
  return { name: "poll counts", everyMs: 60_000, run };
}

/** For who watches logs: tries of this process, and what waits in the database. */
async function logWebhooks({ webhookCounts }: Services, store: Store, log: Logger): Promise<void> {
  const { pending, oldestPendingAt } = await store.read.deliveryCounts();
  const { delivered, failed } = webhookCounts;
  if (delivered + failed + pending > 0) log.info({ delivered, failed, pending, oldestPendingAt }, "webhooks");
}

/** What is gathered in memory belongs into the database before it closes. */
async function flush({ instances, use, refusals }: Services): Promise<void> {
  await instances.flush();
  await use.flush();
  await refusals.flush(true);
}

async function makeFirstStart(
  directory: DataDirectory,
  services: Services,
  config: Config,
): Promise<FirstStart | null> {
  const { store } = directory;
  if ((await store.read.operatorOrganization()) !== null) return null;
  const key = config.adminToken === null ? createRawKey("admin") : chosenRawKey(config.adminToken);
  // Kept before it is committed: a token that works and that nobody has would be lost.
  if (config.adminToken === null) keepAdminToken(directory.path, key.rawKey);
  const made = await bootstrap({ store, ...services }, key);
  return made === null ? null : { ...made, adminToken: config.adminToken === null ? key.rawKey : null };
}
