import type { Logger } from "pino";
import { adminTokenFile, keepAdminToken } from "./admin-token-file.js";
import { createAdmission, MAX_RATE_KEYS } from "./api/admission-door.js";
import { createCorsPolicy } from "./api/http/cors.js";
import { createRpcHandler } from "./api/http/connect.js";
import { createDispatch } from "./api/http/dispatch.js";
import { createHealthMethods } from "./api/http/health.js";
import { DEFAULT_LIMITS } from "./api/http/limits.js";
import { createListener, type Listener } from "./api/http/listener.js";
import { createProbes } from "./api/http/probes.js";
import { createReflectionMethods } from "./api/http/reflection.js";
import { createMethods, SERVICES } from "./api/methods.js";
import { createRestHandler } from "./api/rest/handler.js";
import { assembleServices, type Services } from "./assemble.js";
import type { Config } from "./config.js";
import { systemClock } from "./core/clock.js";
import { AppError } from "./core/error.js";
import { openDataDirectory, type DataDirectory } from "./data-directory.js";
import { createLogger } from "./logger.js";
import { bootstrap, keepPublicKeys } from "./service/bootstrap.js";
import { chosenRawKey, createRawKey } from "./service/raw-key.js";
import { startUpkeep, type Chore } from "./upkeep.js";
import { VERSION } from "./version.js";

/** Health watches need no token, so they are few. */
const MAX_HEALTH_WATCHES = 1_000;
const MAX_HEALTH_WATCHES_PER_ADDRESS = 100;

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

/**
 * Starts a server: locks and opens the data directory, makes what a new one needs, and listens.
 *
 * Throws AppError `conflict` when another process owns the directory, and Node's own error (`EADDRINUSE`) when the port is taken;
 * nothing is left open then.
 */
export async function startServer(config: Config, log: Logger = createLogger(config.logLevel)): Promise<RunningServer> {
  const directory = await openDataDirectory({
    path: config.data,
    signingKey: config.signingKey,
    synchronous: config.synchronous,
    create: true,
  });
  try {
    return await startOn(directory, config, log);
  } catch (thrown) {
    await directory[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function startOn(directory: DataDirectory, config: Config, log: Logger): Promise<RunningServer> {
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
  });
  const firstStart = await makeFirstStart(directory, services, config);
  const stopping = new AbortController();
  const listener = listenerFor(services, directory, config, log, stopping.signal);
  const { address, port } = await listener.listen(config.host, config.port);
  const upkeep = startUpkeep(choresOf(services), log);
  const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
  log.info({ url, data: directory.path, version: VERSION }, "listening");

  const stop = async () => {
    log.info("shutting down");
    stopping.abort(new AppError("unavailable", "the server is shutting down"));
    services.sessions.shutdown();
    await listener.close(config.shutdownGraceMs);
    await upkeep[Symbol.asyncDispose]();
    await flush(services);
    await directory[Symbol.asyncDispose]();
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

/** The wire: every protocol on one port, behind one door. */
function listenerFor(
  services: Services,
  { store }: DataDirectory,
  config: Config,
  logger: Logger,
  shutdownSignal: AbortSignal,
): Listener {
  const { maxBodyBytes } = config;
  const methods = createMethods(services);
  const admission = createAdmission({
    authenticate: (rawKey) => services.tokens.authenticate(rawKey),
    onRefused: (principal, operationId, code) => services.refusals.count(principal, operationId, code),
    requestsPerMinute: config.rateLimit,
    maxRateKeys: MAX_RATE_KEYS,
  });
  const publicMethods = [
    ...createHealthMethods({
      services: SERVICES.map(({ typeName }) => typeName),
      shutdownSignal,
      maxWatches: MAX_HEALTH_WATCHES,
      maxWatchesPerAddress: MAX_HEALTH_WATCHES_PER_ADDRESS,
    }),
    ...createReflectionMethods(SERVICES),
  ];
  const dispatch = createDispatch({
    probes: createProbes({
      version: VERSION,
      ready: async () => {
        await store.ping();
        return !shutdownSignal.aborted;
      },
    }),
    cors: createCorsPolicy(config.corsOrigins),
    rpc: createRpcHandler({ methods, publicMethods, admission, maxBodyBytes, shutdownSignal }),
    rest: createRestHandler({ methods, admission, maxBodyBytes }),
    shutdownSignal,
    logger,
  });
  return createListener(dispatch, DEFAULT_LIMITS);
}

function choresOf(services: Services): readonly Chore[] {
  return [
    { name: "runtime reports", everyMs: 1_000, run: () => services.instances.flush() },
    { name: "token use", everyMs: 10_000, run: () => services.use.flush() },
    { name: "refusals", everyMs: 15_000, run: () => services.refusals.flush() },
    { name: "idempotency keys", everyMs: 600_000, run: () => services.idempotency.prune() },
  ];
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
