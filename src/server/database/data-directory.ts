import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { systemClock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import { requireSafeDataDirectory } from "./data-directory-safety.js";
import { DiskReserve } from "../disk/reserve.js";
import { openNativeBinding } from "../../assets/native-binding.js";
import { createAudit } from "../../service/audit/audit.js";
import { goOnAfterLoss } from "../../service/bundles/history-loss.js";
import { openLastKeys, openSigningKeys, type LastKeys, type SigningKeys } from "../../service/keys/key-files.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { isFullDisk } from "../../store/sqlite/errors.js";
import { lockDataDirectory, refuseRival, type DirectoryLock, type LockOptions } from "../../store/sqlite/lock.js";
import { startThread } from "../../service/documents/start-thread.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import { openSqliteStore, type AcceptLoss, type OpenedStore } from "../../store/sqlite/open.js";
import type { StartDatabaseThread } from "../../store/sqlite/thread-channel.js";
import type { Store } from "../../store/store.js";
import { keepUpgradeCopy, type OnUpgrade } from "./upgrade-copy.js";

/** A data directory that this process owns until it is disposed. */
export interface DataDirectory extends AsyncDisposable {
  readonly path: string;
  /** There was no database in it. */
  readonly isNew: boolean;
  readonly store: Store;
  /** How another connection to its database is opened. */
  readonly database: SqliteOptions;
  /** As OpenedStore's. */
  readonly lost: OpenedStore["lost"];
  readonly doubt: OpenedStore["doubt"];
  readonly readOnly: OpenedStore["readOnly"];
  readonly problem: OpenedStore["problem"];
  readonly reclaim: OpenedStore["reclaim"];
  readonly reserve: DiskReserve;
  readonly keys: SigningKeys;
  /** The public keys of the start before. */
  readonly lastKeys: LastKeys;
}

/** What a restore works in: beside its target with the target's name before it, or inside. */
export const RESTORING = ".restoring";

/** The name of the database in a data directory. */
export const DATABASE_FILE = "signet.db";

/**
 * Locks a data directory, opens its keys and its database (migrated). Throws `conflict` when another process owns it, `not_found`
 * when it is new and `create` is false, `unavailable` when others can change it, and what opening a database or a key throws.
 */
export async function openDataDirectory(options: {
  readonly path: string;
  readonly signingKey: string | null;
  /** The announced next key, as `signingKey`. */
  readonly nextSigningKey?: string | null;
  readonly synchronous: "full" | "normal";
  readonly create: boolean;
  /** Goes on from a database that lacks what was acknowledged, on sequences that were never given. */
  readonly acceptLoss?: boolean;
  /** Writes from a thread, so that this one never waits for the disk; for a server. */
  readonly thread?: boolean;
  /** Where the executable keeps SQLite's compiled part; null is `native` in the data directory. */
  readonly nativeDirectory: string | null;
  /** Does without the copy of the database that is otherwise made before its schema changes. */
  readonly withoutUpgradeCopy?: boolean;
  readonly onUpgrade?: OnUpgrade;
}): Promise<DataDirectory> {
  const path = resolve(options.path);
  const file = join(path, DATABASE_FILE);
  const isNew = !existsSync(file);
  if (isNew && !options.create) throw new AppError("not_found", `no Signet database in ${path}`);
  if (isNew && existsSync(join(path, RESTORING))) {
    throw new AppError("conflict", `a restore into ${path} was interrupted: run signet restore again`);
  }
  createDirectory(path);
  requireSafeDataDirectory(path);
  const nativeBinding = openNativeBinding(options.nativeDirectory ?? join(path, "native"));
  const native = nativeBinding === undefined ? {} : { nativeBinding };
  const reserve = new DiskReserve(path);
  const lock = lockWithRoom(path, native, reserve);
  try {
    refuseRival(file, native);
    const keys = openSigningKeys(path, options.signingKey, isNew, options.nextSigningKey);
    const lastKeys = openLastKeys(path);
    const store = await openSqliteStore({
      beforeMigration: async (steps) => {
        const onUpgrade = options.onUpgrade ?? (() => undefined);
        if (options.withoutUpgradeCopy !== true) return keepUpgradeCopy(path, { file, ...native }, steps, onUpgrade);
        onUpgrade({ steps, copy: null });
        return "Start the release before";
      },
      ...{ file, synchronous: options.synchronous, ...native },
      ...(options.thread === true ? { startThread: startDatabaseThread } : {}),
      owner: {
        accept: options.acceptLoss === true ? acceptLoss(keys) : null,
        makeRoom: () => reserve.release(),
      },
    });
    const dispose = async () => {
      try {
        await store[Symbol.asyncDispose]();
      } finally {
        await lock[Symbol.asyncDispose]();
      }
    };
    const { lost, doubt, readOnly, problem } = store;
    const database = { file, ...native };
    const reclaim = store.reclaim === null ? null : store.reclaim.bind(store);
    return {
      ...{ path, isNew, store, database, lost, doubt, readOnly, problem, reclaim, reserve, keys, lastKeys },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (thrown) {
    await lock[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** Even the lock needs a few bytes. A directory that has an owner is refused for that, and keeps its reserve. */
function lockWithRoom(path: string, native: LockOptions, reserve: DiskReserve): DirectoryLock {
  try {
    return lockDataDirectory(path, native);
  } catch (error) {
    if (!isFullDisk(error) || !reserve.release()) throw error;
    return lockDataDirectory(path, native);
  }
}

function startDatabaseThread(...[workerData, transferList]: Parameters<StartDatabaseThread>) {
  return startThread("database", { workerData, transferList });
}

function acceptLoss(keys: SigningKeys): AcceptLoss {
  const clock = systemClock;
  return (store, loss) =>
    goOnAfterLoss(
      { store, clock, audit: createAudit({ store, clock, signer: keys.audit, ring: new KeyRing({ store, keys }) }) },
      loss,
    );
}

/** Makes a data directory, and those above it; does nothing when it is there. Throws `unavailable` when it cannot be made. */
export function createDirectory(path: string): void {
  try {
    makeDirectories(path);
  } catch (cause) {
    throw new AppError("unavailable", `cannot create the data directory ${path}`, { cause });
  }
}

/** Like `recursive` of mkdirSync, which never returns where a parent exists and answers ENOENT, as /proc does (docs/node.md). */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  makeDirectories(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    // Another process was faster.
    if (!existsSync(path)) throw thrown;
  }
}
