import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Logger } from "pino";
import { databaseConfig } from "../../config/database-settings.js";
import type { Config } from "../../config/config.js";
import { instantOf, systemClock } from "../../core/clock.js";
import { notFound } from "../../core/error.js";
import { createAudit } from "../../service/audit/audit.js";
import { DEFAULT_STEP, goOnAfterLoss } from "../../service/bundles/history-loss.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import type { LastKeys, SigningKeys } from "../../service/keys/key-files.js";
import { openSharedKeys, type SharedKeys } from "../../service/keys/shared-keys.js";
import { liveNodes } from "../../service/nodes/live-nodes.js";
import type { ChangeFeed } from "../../store/change-feed.js";
import type { PostgresFacts } from "../../store/examination/postgres-facts.js";
import type { Pools } from "../../store/postgres/connect.js";
import type { Store } from "../../store/store.js";
import { createDirectory, openDataDirectory, type DataDirectory } from "./data-directory.js";
import { requireSafeDataDirectory } from "./data-directory-safety.js";
import { refuseUnmovedDatabase } from "./unmoved-database.js";

/** The database of a server, open until it is disposed of: SQLite in its data directory, or PostgreSQL that nodes share. */
export interface ServerDatabase extends AsyncDisposable {
  /** The data directory. On a shared database nothing in it is needed by another node. */
  readonly path: string;
  readonly store: Store;
  /** How it hears of other nodes' changes; null for SQLite, which one process has. */
  readonly feed: ChangeFeed | null;
  readonly keys: SigningKeys;
  /** The same keys on a shared database, where other nodes change them too; null for SQLite. */
  readonly sharedKeys: SharedKeys | null;
  /** How the server of a shared database is examined; null for SQLite. */
  readonly examination: { facts(): Promise<PostgresFacts>; notifyRoundTrip(): Promise<number | null> } | null;
  /** The public keys of the start before. */
  readonly lastKeys: LastKeys;
  /** Resolves with the reason when it can write no more, until a restart. */
  readonly lost: DataDirectory["lost"];
  readonly doubt: DataDirectory["doubt"];
  readonly readOnly: DataDirectory["readOnly"];
  readonly problem: DataDirectory["problem"];
  /** The files of SQLite and what watches over them; null for PostgreSQL, which has its own tools. */
  readonly files: Pick<DataDirectory, "database" | "reclaim" | "reserve"> | null;
}

/**
 * Opens the database that the settings name, migrated. Throws as openDataDirectory and openPostgresStore do, and `not_found` when it is new
 * and `use` is of what is there.
 */
export async function openServerDatabase(
  config: Config,
  log: Logger,
  use: DatabaseUse = SERVE,
): Promise<ServerDatabase> {
  return config.databaseUrl === null ? await openFiles(config, log, use) : await openShared(config, log, use);
}

/** What a database is opened for. */
export interface DatabaseUse {
  /** Makes what a new one needs. */
  readonly create: boolean;
  /** Does what SIGNET_ACCEPT_LOSS says; a command leaves that to the start. */
  readonly mayAcceptLoss: boolean;
  /** Writes from a thread (SQLite), so that this one never waits for the disk. */
  readonly thread: boolean;
}

const SERVE: DatabaseUse = { create: true, mayAcceptLoss: true, thread: true };

/** For a command that changes something of a server that was started before. */
export const CHANGE: DatabaseUse = { create: false, mayAcceptLoss: false, thread: false };

async function openFiles(config: Config, log: Logger, use: DatabaseUse): Promise<ServerDatabase> {
  const { database, reclaim, reserve, ...directory } = await openDataDirectory({
    path: config.data,
    signingKey: config.signingKey,
    nextSigningKey: config.nextSigningKey,
    synchronous: config.synchronous,
    nativeDirectory: config.nativeDirectory,
    create: use.create,
    thread: use.thread,
    acceptLoss: use.mayAcceptLoss && config.acceptLoss === "yes",
    withoutUpgradeCopy: config.upgradeCopy === "no",
    onUpgrade: (upgrade) => log.info(upgrade, "upgrading the database"),
  });
  return { ...directory, feed: null, sharedKeys: null, examination: null, files: { database, reclaim, reserve } };
}

async function openShared(config: Config, log: Logger, use: DatabaseUse): Promise<ServerDatabase> {
  const connection = databaseConfig(config);
  if (connection === null) throw new TypeError("no database URL");
  const path = resolve(config.data);
  createDirectory(path);
  requireSafeDataDirectory(path);
  await refuseUnmovedDatabase(path, config);
  // Loaded only here: a server on SQLite has no need of it.
  const { openPostgresStore } = await import("../../store/postgres/open.js");
  const store = await openPostgresStore({
    ...connection,
    applicationName: "signet",
    nodeId: randomUUID(),
    onNotice: ({ level, message }) => log[level](message),
    onUpgrade: (steps) => log.info({ steps }, "upgrading the database"),
  });
  try {
    if (!use.create && (await store.read.sealedKeys()).length === 0) throw notFound("data of Signet in the database");
    const { keySecret: secret, signingKey, nextSigningKey } = config;
    const settings = { secret, signingKey, nextSigningKey };
    const othersLive = () => areOthersLive(store, store.feed.nodeId);
    const sharedKeys = await openSharedKeys(store, { ...settings, clock: systemClock, othersLive });
    const { keys, lastKeys } = sharedKeys;
    if (use.mayAcceptLoss && config.acceptLoss === "yes") await acceptLoss(store, keys, log);
    return {
      examination: await examinationOf(store.pools),
      ...{ path, store, feed: store.feed, keys, sharedKeys, lastKeys, files: null },
      ...{ lost: new Promise<Error>(() => undefined), doubt: null, readOnly: null, problem: () => null },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** It is the operator who says that commits are missing: a node that starts has no memory of what was served. */
async function acceptLoss(store: Store, keys: SigningKeys, log: Logger): Promise<void> {
  const audit = createAudit({ store, clock: systemClock, signer: keys.audit, ring: new KeyRing({ store, keys }) });
  const message = "said by SIGNET_ACCEPT_LOSS, after a restore of the database";
  await goOnAfterLoss({ store, clock: systemClock, audit }, { message });
  log.warn(
    { skipped: DEFAULT_STEP },
    "every environment skips sequences and versions; start without SIGNET_ACCEPT_LOSS from now on",
  );
}

/** How a server of PostgreSQL is examined. */
export async function examinationOf(pools: Pools): Promise<NonNullable<ServerDatabase["examination"]>> {
  const { notifyRoundTrip, readFacts } = await import("../../store/examination/postgres-facts.js");
  return { facts: () => readFacts(pools), notifyRoundTrip: () => notifyRoundTrip(pools) };
}

async function areOthersLive(store: Store, ownId: string): Promise<boolean> {
  const live = await liveNodes(store.read, instantOf(systemClock.now()));
  return live.some(({ id }) => id !== ownId);
}
