import type { Logger } from "pino";
import { VERSION } from "../assets/version.js";
import { backupJobs } from "./backup-job.js";
import { composeBackups } from "./compose/backups.js";
import { followFeed } from "./compose/feed.js";
import { followKeys } from "./compose/keys.js";
import { composeHttp } from "./compose/http.js";
import { keyWarningsTo, serviceOptions, warningsTo } from "./compose/options.js";
import { StoreChanges } from "../service/changes/store-changes.js";
import { composeServices } from "./compose/services.js";
import { formatPublicUrl } from "../config/public-url.js";
import type { Config } from "../config/config.js";
import { systemClock } from "../core/clock.js";
import { waitFor } from "../core/schedule/wait.js";
import { adminTokenFile, adminTokenIn, settleAdminToken } from "./admin-token-file.js";
import { checkDirectory, closeDirectory } from "./database/directory-check.js";
import { requireSafeDataDirectory } from "./database/data-directory-safety.js";
import { openServerDatabase } from "./database/server-database.js";
import { Diagnoses } from "./diagnosis/diagnosis.js";
import { DatabaseGrowth } from "./disk/growth.js";
import { DiskWatch } from "./disk/disk-watch.js";
import { DisposalStack } from "./disposal-stack.js";
import { makeFirstStart, provision, type FirstStart } from "./first-start.js";
import { JobRunner } from "./job-runner.js";
import { countPolls, databaseJobs, flush, sampleGrowth, watchDisk } from "./jobs.js";
import { listenError, type ListenFlags } from "./listen-error.js";
import { createLogger, droppedLogLines } from "./logger.js";
import { openMemory } from "./memory.js";
import { observabilityOf, openMetricsListener, urlOf } from "./metrics-listener.js";
import { checkPortOfFirstStart } from "./port-check.js";
import { watchOpenFiles } from "./open-files-job.js";
import type { Declaration } from "../provision/declaration.js";
import { databaseName } from "../store/postgres/database-url.js";
import { openListenerTls } from "../tls/listener-tls.js";
import { watchWriteFailures, WriteFailures } from "./write-failures.js";

/** A server that answers. Disposing of it drains and closes it: streams end with UNAVAILABLE, requests in flight finish. */
export interface RunningServer extends AsyncDisposable {
  /** `http://HOST:PORT`, or `https:` with TLS; with the port that it really has. */
  readonly url: string;
  /** Where /metrics is served without a token; null when it is not. */
  readonly metricsUrl: string | null;
  readonly dataDirectory: string;
  /** The file that holds a generated admin token. */
  readonly adminTokenFile: string;
  /** Null on every start but the first. */
  readonly firstStart: FirstStart | null;
  /** Resolves with the reason when the database cannot be written any more, and the server must be restarted. */
  readonly failed: Promise<Error>;
  /** Reads the TLS certificate's files again, now; nothing without TLS. Never rejects: problems with them are logged. */
  reloadCertificate(): Promise<void>;
}

/** How a start differs from the next one with the same configuration. */
export interface ServerOptions {
  /** Applied before the server listens; null is none. */
  readonly declaration: Declaration | null;
}

/** A database that is away must not hold up the end of the streams. */
const STOP_NOTICE_TIMEOUT_MS = 1_000;

const LISTEN_FLAGS: ListenFlags = { host: "--host (SIGNET_HOST)", port: "--port (SIGNET_PORT)" };

/** No declaration. */
export const DEFAULT_OPTIONS: ServerOptions = { declaration: null };

/**
 * Starts a server: locks and opens the data directory, makes what a new one needs, and listens.
 *
 * Throws AppError `conflict` when another process owns the directory or the port, `invalid` for a TLS certificate or an address that
 * cannot be used, and whatever applying the declaration throws; the changes before it stay. Nothing is left open then.
 */
export async function startServer(
  config: Config,
  log: Logger = createLogger(config.logLevel),
  options: ServerOptions = DEFAULT_OPTIONS,
): Promise<RunningServer> {
  const opened = new DisposalStack();
  try {
    return await start(config, log, options, opened);
  } catch (thrown) {
    // The start has its own error to report.
    await opened[Symbol.asyncDispose]().catch(() => undefined);
    throw thrown;
  }
}

/** Everything that `opened` gets is closed in reverse: the port first, the data directory after whatever writes to it. */
async function start(
  config: Config,
  log: Logger,
  options: ServerOptions,
  opened: DisposalStack,
): Promise<RunningServer> {
  // First, so that a certificate that cannot be used makes no data directory.
  const tls = opened.use(await openListenerTls(config, log));
  await checkPortOfFirstStart(config, LISTEN_FLAGS);
  // Closed after the data directory: a collector that does not answer must not hold it.
  const observability = opened.use(await observabilityOf(config, log));
  const owned = await openServerDatabase(config, log);
  opened.defer(() => closeDirectory(owned, log));
  const { files, feed } = owned;
  const disk =
    files === null
      ? null
      : new DiskWatch({
          ...{ directory: owned.path, reserve: files.reserve, reclaim: files.reclaim, log },
          reserveBytes: config.diskReserveBytes,
        });
  const failures = new WriteFailures(log, (error) => disk?.failed(error) ?? null);
  const storeChanges = new StoreChanges();
  const directory = { ...owned, store: storeChanges.observe(observability.observe(failures.watch(owned.store))) };
  const { store } = directory;
  await disk?.start();
  await checkDirectory(directory, log);

  const memory = openMemory(config, log);
  const services = composeServices(
    {
      ...{
        store,
        storeChanges,
        feed,
        clock: systemClock,
        signingKeys: owned.keys,
        lastKeys: owned.lastKeys,
        warnings: warningsTo(log),
      },
      ...{ observers: observability.services, tracing: observability.tracing },
      keptKey: adminTokenIn(owned.path, log),
    },
    serviceOptions(config, memory.documents, (error) => {
      if (!failures.hasTold(error)) log.error({ err: error }, "a webhook delivery could not be handled");
    }),
  );
  const signing = { store, clock: systemClock, signingKeys: owned.keys };
  const backups = opened.use(
    composeBackups(signing, services.audit, { path: owned.path, database: files?.database ?? null }, config, log),
  );
  await backups.open().catch((error: unknown) => log.error({ err: error }, "the backups cannot be listed"));
  const isWritable = owned.readOnly === null;
  if (isWritable) opened.defer(() => flush(services, log));
  if (isWritable) await settleAdminToken(owned.path, store.read);
  opened.use(services.documents);
  opened.use(services.webhooks.dispatcher);
  opened.use(services.watches.watches);
  // Before anything is read that is then kept in memory.
  if (feed !== null) opened.use(followFeed(feed, { store, storeChanges, clock: systemClock }, services));
  if (feed !== null && owned.sharedKeys !== null) {
    const following = followKeys(feed, owned.sharedKeys, services.keys.ring, keyWarningsTo(log));
    opened.defer(async () => following[Symbol.dispose]());
  }
  const jobs = opened.use(new JobRunner(log, failures, () => (disk?.refusal ?? null) !== null));

  // Before it listens, so that the first caller finds what was declared.
  const { declaration } = options;
  const provisioned =
    declaration === null || !isWritable ? null : await provision(directory, services, config, declaration, log);
  const subject = {
    ...{
      directory: owned.path,
      database: files?.database ?? null,
      shared: owned.examination,
      read: store.read,
      keys: owned.keys,
      ring: services.keys.ring,
    },
    ...{ clock: systemClock, config, doubt: owned.readOnly ?? owned.doubt },
    checkModes: () => requireSafeDataDirectory(owned.path),
  };
  const { http, polls } = composeHttp({
    ...{ services, backups, store, config, observability, tls, log, droppedLogLines },
    readOnly: owned.problem,
    ...{ disk, diagnosis: new Diagnoses(subject, true) },
    bodyMemory: memory.bodies,
  });
  const metricsListener = opened.use(await openMetricsListener(config, observability));
  // A start that fails does not wait for requests.
  let graceMs = 0;
  opened.defer(() => {
    services.tokens.sessions.shutdown();
    return http.close(graceMs);
  });
  const { nodes } = services.nodes;
  // First of all, so that the others know of it while requests finish; they also notice its silence.
  opened.defer(async () => {
    const said = nodes.stop();
    await waitFor(
      said.catch((error: unknown) => log.warn({ err: error }, "cannot say that this node stops")),
      STOP_NOTICE_TIMEOUT_MS,
    );
  });
  const { address, port } = await http.listen(config.host, config.port).catch((thrown: unknown) => {
    throw listenError(thrown, config, LISTEN_FLAGS);
  });
  // Only now: a first start that finds its port taken stays a first start, and logs later where the admin token is.
  const firstStart = provisioned ?? (await makeFirstStart(directory, services, config));
  const url = urlOf(tls === null ? "http" : "https", { address, port });
  nodes.listens(url, () => owned.problem() ?? disk?.refusal?.message ?? null);
  if (isWritable) {
    await nodes.tell().catch((error: unknown) => log.warn({ err: error }, "this node cannot tell of itself yet"));
    await services.webhooks.dispatcher.start();
    jobs.start(databaseJobs({ services, store, feed, clock: systemClock, config, log }));
    if (files !== null) jobs.start(backupJobs(backups, config));
  }
  jobs.start([
    ...[countPolls(polls, log), watchWriteFailures(failures)],
    ...(disk === null ? [] : [watchDisk(disk), sampleGrowth(new DatabaseGrowth(owned.path), systemClock)]),
    watchOpenFiles(log, observability.metrics.limits),
  ]);
  graceMs = config.shutdownGraceMs;
  const metricsUrl = metricsListener?.url ?? null;
  const database = config.databaseUrl === null ? undefined : databaseName(config.databaseUrl);
  const console = config.console === "on" ? `${config.publicUrls.map(formatPublicUrl)[0] ?? url}/console/` : undefined;
  const told = { url, console, metricsUrl: metricsUrl ?? undefined, data: owned.path, database, version: VERSION };
  log.info(told, "listening");

  const stop = async () => {
    log.info("shutting down");
    await opened[Symbol.asyncDispose]();
    log.info("stopped");
  };
  let stopped: Promise<void> | null = null;
  return {
    url,
    metricsUrl,
    dataDirectory: owned.path,
    adminTokenFile: adminTokenFile(owned.path),
    firstStart,
    failed: owned.lost,
    reloadCertificate: async () => tls?.reload(),
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}
