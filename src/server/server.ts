import type { Logger } from "pino";
import { adminTokenFile } from "./admin-token-file.js";
import { Polls } from "../api/poll/polls.js";
import { assembleServices } from "./assemble.js";
import type { Config } from "../config/config.js";
import { jobsOf, countPolls, flush } from "./jobs.js";
import { systemClock } from "../core/clock.js";
import { openDataDirectory, type DataDirectory } from "./data-directory.js";
import { makeFirstStart, provision, type FirstStart } from "./first-start.js";
import { listenError } from "./listen-error.js";
import { createLogger, droppedLogLines } from "./logger.js";
import { watchOpenFiles } from "./open-files-job.js";
import type { Observability } from "../observability/observability.js";
import { observabilityOf, openMetricsListener, urlOf } from "./observe.js";
import type { Declaration } from "../provision/declaration.js";
import { keepPublicKeys } from "../service/keys/key-records.js";
import type { ServiceWarnings } from "../service/changes/observers.js";
import { openListenerTls, type ListenerTls } from "../tls/listener-tls.js";
import { openMemory } from "./memory.js";
import { startJobs, type Job } from "./job.js";
import { VERSION } from "../assets/version.js";
import { openAuthenticator, openWire } from "./wire.js";
import { LOOK_EVERY_MS, WriteFailures } from "./write-failures.js";

/** A server that answers. Disposing of it drains and closes it: streams end with UNAVAILABLE, requests in flight finish. */
export interface RunningServer extends AsyncDisposable {
  /** `http://HOST:PORT`, or `https:` with TLS; with the port that it really has. */
  readonly url: string;
  /** Where /metrics is served without a token; null when it is not. */
  readonly metricsUrl: string | null;
  readonly dataDirectory: string;
  /** Where a made admin token is kept. */
  readonly adminTokenFile: string;
  /** Null on every start but the first. */
  readonly firstStart: FirstStart | null;
  /** Resolves with the reason when it cannot write to its database any more, and is to be started again. */
  readonly failed: Promise<Error>;
  /** Reads the TLS certificate's files again, now; nothing without TLS. Never rejects: what is wrong with them is logged. */
  reloadCertificate(): Promise<void>;
}

export interface ServerOptions {
  /** What is applied before it listens. */
  readonly declaration: Declaration | null;
  /**
   * Whether watches and polls have paths of their own, or go through the generic handlers. What is answered is the same: for tests and
   * measurements.
   */
  readonly hotPaths: boolean;
}

export const DEFAULT_OPTIONS: ServerOptions = { declaration: null, hotPaths: true };

/**
 * Starts a server: locks and opens the data directory, makes what a new one needs, and listens.
 *
 * Throws AppError `conflict` when another process owns the directory or the port, `invalid` for a TLS certificate or an address that
 * cannot be used; nothing is left open then. What applying the declaration throws ends the start too;
 * the changes before it stay.
 */
export async function startServer(
  config: Config,
  log: Logger = createLogger(config.logLevel),
  options: ServerOptions = DEFAULT_OPTIONS,
): Promise<RunningServer> {
  // First, so that a certificate that cannot be used makes no data directory.
  const securePort = await openListenerTls(config, log);
  try {
    return await startWith({ ...options, securePort, config, log });
  } catch (thrown) {
    await securePort?.[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** What a server is made of before it has a data directory. */
interface ServerContext extends ServerOptions {
  readonly securePort: ListenerTls | null;
  readonly config: Config;
  readonly log: Logger;
}

async function startWith(ground: ServerContext): Promise<RunningServer> {
  const { config } = ground;
  const directory = await openDataDirectory({
    path: config.data,
    signingKey: config.signingKey,
    synchronous: config.synchronous,
    nativeDirectory: config.nativeDirectory,
    create: true,
    thread: true,
    acceptLoss: config.acceptLoss === "yes",
  });
  const undo = new Undo();
  undo.add(() => directory[Symbol.asyncDispose]());
  try {
    const observability = await observabilityOf(config, ground.log);
    undo.add(() => observability[Symbol.asyncDispose]());
    return await startOn(directory, ground, observability, undo);
  } catch (thrown) {
    await undo.run();
    throw thrown;
  }
}

/** What a start that fails takes back, the last first: a process with an open port and nothing behind it would answer 503 for ever. */
class Undo {
  readonly #steps: (() => PromiseLike<void>)[] = [];

  add(step: () => PromiseLike<void>): void {
    this.#steps.push(step);
  }

  /** Never rejects: the start has its own error to tell. */
  async run(): Promise<void> {
    for (const step of this.#steps.reverse()) {
      try {
        await step();
      } catch {
        // What is left of it ends with the process.
      }
    }
  }
}

async function startOn(
  opened: DataDirectory,
  ground: ServerContext,
  observability: Observability,
  undo: Undo,
): Promise<RunningServer> {
  const { securePort, config, declaration, log } = ground;
  const failures = new WriteFailures(log);
  const directory = { ...opened, store: observability.observe(failures.watch(opened.store)) };
  const { store, keys } = directory;
  if (keys.problem !== null) {
    log.error({ reason: keys.problem }, "the bundle signing key cannot be used: publishing and promoting will fail");
  }
  if (opened.doubt !== null) log.warn({ reason: opened.doubt }, "the database may be an older copy");
  if (opened.readOnly !== null)
    log.error({ reason: opened.readOnly }, "read-only: every change is refused until a restart");
  else await keepKeys(directory, log);
  const memory = openMemory(config, log);
  const services = assembleServices({
    store,
    keys,
    clock: systemClock,
    sessionLimits: { stream: config.maxStreams, poll: config.maxHeldPolls },
    heartbeatMs: config.heartbeatMs,
    observers: observability.services,
    warnings: warningsTo(log),
    tracing: observability.tracing,
    documents: memory.documents,
    webhooks: {
      allowList: config.webhookAllow,
      schedule: config.webhookRetrySeconds,
      timeoutMs: config.webhookTimeoutMs,
      userAgent: `signet/${VERSION}`,
      onError: (error) => {
        if (!failures.hasTold(error)) log.error({ err: error }, "a webhook delivery could not be handled");
      },
    },
  });
  undo.add(() => services.documents[Symbol.asyncDispose]());
  // Whoever reaches the server finds what was declared.
  const provisioned =
    declaration === null || opened.readOnly !== null
      ? null
      : await provision(directory, services, config, declaration, log);
  const admission = openAuthenticator(services, config);
  const observer = observability.metrics.requests;
  const polls = ground.hotPaths ? new Polls({ admission, active: services.active, observer, logger: log }) : null;
  const http = openWire({
    ...{ services, store, config, observability, admission, polls, securePort, log },
    readOnly: opened.problem,
    bodyMemory: memory.bodies,
  });
  observability.metrics.readFrom({
    clock: systemClock,
    webhookBacklog: () => store.read.webhookBacklog(),
    heldPolls: () => services.sessions.count("poll"),
    connections: () => http.connections,
    droppedLogLines,
  });
  const metricsListener = await openMetricsListener(config, observability);
  undo.add(async () => metricsListener?.[Symbol.asyncDispose]());
  undo.add(() => http.close(0));
  const { address, port } = await http.listen(config.host, config.port).catch((thrown: unknown) => {
    throw listenError(thrown, config, { host: "--host (SIGNET_HOST)", port: "--port (SIGNET_PORT)" });
  });
  // Only now: a first start that finds its port taken is a first start again, and tells then where the admin token is.
  const firstStart = provisioned ?? (await makeFirstStart(directory, services, config));
  undo.add(() => services.dispatcher[Symbol.asyncDispose]());
  const chores = opened.readOnly === null ? jobsOf(services, directory, config, log) : [];
  if (opened.readOnly === null) await services.dispatcher.start();
  const look: Job = { name: "write failures", everyMs: LOOK_EVERY_MS, run: async () => failures.look() };
  const files = watchOpenFiles(log, observability.metrics.limits);
  const upkeep = startJobs([...chores, countPolls(polls, log), look, files], log, failures);
  const url = urlOf(securePort === null ? "http" : "https", { address, port });
  const metricsUrl = metricsListener?.url ?? null;
  log.info({ url, metricsUrl: metricsUrl ?? undefined, data: directory.path, version: VERSION }, "listening");

  const stop = async () => {
    log.info("shutting down");
    services.sessions.shutdown();
    try {
      await http.close(config.shutdownGraceMs);
      await securePort?.[Symbol.asyncDispose]();
      await upkeep[Symbol.asyncDispose]();
      await services.dispatcher[Symbol.asyncDispose]();
      await services.documents[Symbol.asyncDispose]();
      if (opened.readOnly === null) await flush(services, log);
      await metricsListener?.[Symbol.asyncDispose]();
    } finally {
      await closeDirectory(directory, log);
    }
    // Last: a collector that does not answer must not hold the data directory.
    await observability[Symbol.asyncDispose]();
    log.info("stopped");
  };
  let stopped: Promise<void> | null = null;
  return {
    url,
    metricsUrl,
    dataDirectory: directory.path,
    adminTokenFile: adminTokenFile(directory.path),
    firstStart,
    failed: opened.lost,
    reloadCertificate: async () => securePort?.reload(),
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

/** Keeps the public keys, and says which of them nobody vouched for until now. */
async function keepKeys({ store, keys, lastKeys }: DataDirectory, log: Logger): Promise<void> {
  const trusted = await keepPublicKeys(store, systemClock, keys, lastKeys);
  if (trusted.length > 0) log.warn({ keyIds: trusted }, "keys of an earlier release were taken on trust, this once");
}

function warningsTo(log: Logger): ServiceWarnings {
  return {
    foreignKey: (orgId, keyPrefix) =>
      log.warn({ orgId, keyPrefix }, "a token was given the key of another organization's token: it does not work"),
    damaged: (environmentId, reason) => log.error({ environmentId, reason }, "the active bundle is not served"),
  };
}

/** A disk that is full at the end takes nothing from what was acknowledged: the next start reads SQLite's log. */
async function closeDirectory(directory: DataDirectory, log: Logger): Promise<void> {
  try {
    await directory[Symbol.asyncDispose]();
  } catch (error) {
    log.warn({ err: error, data: directory.path }, "the database keeps its log file (-wal): keep both together");
  }
}
