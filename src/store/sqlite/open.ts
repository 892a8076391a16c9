import { chmod, open } from "node:fs/promises";
import { AppError } from "../../core/error.js";
import type { Store } from "../store.js";
import type { Channel } from "./channel.js";
import { connectToRead, connectToWrite, type SqliteOptions } from "./connect.js";
import { isDiskFailure, isFullDisk } from "./errors.js";
import { findLoss, headFileOf, readHead, recordOf, type HistoryLoss } from "./head-file.js";
import { Head } from "./commit-head.js";
import { LocalChannel } from "./local-channel.js";
import { openReadOnly, roomFor } from "./read-only.js";
import { SqliteStore } from "./store.js";
import { ThreadChannel, type StartDatabaseThread } from "./thread-channel.js";

export type { SqliteOptions } from "./connect.js";

/** Which database is opened, and by whom. */
export interface OpenOptions extends SqliteOptions {
  /** Gives the connection that writes a thread of its own; without, this thread is blocked while the disk works. */
  readonly startThread?: StartDatabaseThread;
  /**
   * The one process that may write. What the database lacks of what was acknowledged (head-file.ts) is refused with `conflict` when
   * it is certain, or told to `accept` once the schema is the newest, before the database is taken over.
   */
  readonly owner?: {
    readonly accept: AcceptLoss | null;
    /** Called when it cannot be opened for a full disk; true when there is room now, so that another attempt is worth it. */
    readonly makeRoom?: () => boolean;
  };
  /**
   * Called before the schema of an existing database is changed, with the steps to come. The answer tells the operator how to go back; it
   * is added to the error when a step fails.
   */
  readonly beforeMigration?: (steps: readonly string[]) => Promise<string>;
}

/** A store with what was found when it was opened. */
export interface OpenedStore extends Store {
  /** Resolves with the reason when it can write no more. */
  readonly lost: Promise<Error>;
  /** Why this may not be all that was acknowledged; null when it is, or when the loss was accepted. */
  readonly doubt: string | null;
  /** Why it was opened only to be read, with what to do; null when it was not. */
  readonly readOnly: string | null;
  /** Why the last change could not be written to the disk; null when it could, and when the disk is full. */
  readonly problem: () => string | null;
  /** As SqliteStore's; null when it was opened only to be read. */
  readonly reclaim: SqliteStore["reclaim"] | null;
}

/** What makes it safe to go on from a database that lacks something. */
export type AcceptLoss = (store: Store, loss: HistoryLoss) => Promise<void>;

/**
 * Opens a database, readable for its owner only (mode 0600), and brings it to the newest schema. Disposing of the store waits for
 * the writes that were asked for, and leaves one file with everything in it.
 *
 * Throws `unavailable` when the file cannot be opened or is busy, `conflict` when it is from a newer release or lacks what was
 * acknowledged, and `internal` when it is not a database. Nothing stays open then.
 */
export async function openSqliteStore(options: OpenOptions): Promise<OpenedStore> {
  try {
    return await openToWrite(options);
  } catch (error) {
    const { owner } = options;
    if (owner === undefined || !isDiskFailure(error)) throw error;
    if (isFullDisk(error) && owner.makeRoom?.() === true) {
      return await openSqliteStore({ ...options, owner: { accept: owner.accept } });
    }
    return await openToRead(options, error);
  }
}

/** What is there is served while the disk takes no changes. Throws the failure when it cannot be read either. */
async function openToRead(options: OpenOptions, failure: AppError): Promise<OpenedStore> {
  const { code } = (failure.cause ?? {}) as { code?: string };
  const isFull = isFullDisk(failure);
  const space = isFull ? `; ${roomFor(options.file)}` : "";
  // Told to everybody: without paths.
  const problem = `the disk of the database ${isFull ? "is full" : "cannot be written"} (${code})`;
  const opened = await openReadOnly(options, problem);
  if (opened === null) throw new AppError("unavailable", `${failure.message}${space}`, { cause: failure });
  try {
    const loss = findLoss(readHead(headFileOf(options.file)), recordOf(opened.database));
    if (loss?.isCertain === true) throw lossRefused(options.file, loss);
  } catch (error) {
    await opened.store[Symbol.asyncDispose]();
    throw error;
  }
  const readOnly = `${failure.message}${space}`;
  return Object.assign(opened.store, {
    lost: new Promise<Error>(() => undefined),
    doubt: null,
    readOnly,
    problem: () => problem,
    reclaim: null,
  });
}

async function openToWrite(options: OpenOptions): Promise<OpenedStore> {
  await createPrivately(options.file);
  const { store, loss } = await connect(options);
  const accept = options.owner?.accept ?? null;
  try {
    if (loss?.isCertain === true && accept === null) throw lossRefused(options.file, loss);
    await migrateStore(store, options);
    if (loss !== null) await accept?.(store, loss);
    if (options.owner !== undefined) await store.own();
    const doubt = accept === null ? (loss?.message ?? null) : null;
    return Object.assign(store, { doubt, readOnly: null, problem: () => store.diskProblem });
  } catch (error) {
    // Its error follows from the one that is thrown.
    await Promise.resolve(store[Symbol.asyncDispose]()).catch(() => undefined);
    throw error;
  }
}

async function migrateStore(store: SqliteStore, { beforeMigration }: OpenOptions): Promise<void> {
  const steps = await store.pendingSteps();
  const wayBack = steps.length === 0 ? undefined : await beforeMigration?.(steps);
  try {
    await store.migrate();
  } catch (error) {
    if (wayBack === undefined || !(error instanceof AppError)) throw error;
    const { code, message } = error;
    throw new AppError(code, `${message}; nothing was changed. ${wayBack}`, { cause: error.cause ?? error });
  }
}

async function connect(options: OpenOptions): Promise<{ store: SqliteStore; loss: HistoryLoss | null }> {
  const writing = await openWriting(options);
  try {
    const reading = connectToRead(options);
    const isOwner = options.owner !== undefined;
    const loss = isOwner ? findLoss(readHead(headFileOf(options.file)), recordOf(reading)) : null;
    return { store: new SqliteStore(writing, new LocalChannel(reading)), loss };
  } catch (error) {
    await writing.run([{ op: "close" }]);
    throw error;
  }
}

async function openWriting({
  startThread,
  owner: _owner,
  beforeMigration: _before,
  ...options
}: OpenOptions): Promise<Channel> {
  if (startThread !== undefined) return await ThreadChannel.open(startThread, { options });
  return new LocalChannel(connectToWrite(options), new Head(options));
}

function lossRefused(file: string, { message }: HistoryLoss): AppError {
  return new AppError(
    "conflict",
    `the database ${file} lacks changes that this server acknowledged: ${message}. Restore its files (signet.db and ` +
      "signet.db-wal). Or accept the loss with --accept-loss (SIGNET_ACCEPT_LOSS=yes): every environment then skips 1,000,000 " +
      `sequences and versions, so that none gets two contents. To start over, remove ${headFileOf(file)} too`,
    { reason: "history_lost" },
  );
}

async function createPrivately(file: string): Promise<void> {
  try {
    // SQLite gives the files beside it the mode of this one. An existing file is not opened here: closing it would drop the locks
    // that this process holds on it.
    const created = await open(file, "ax", 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await created?.close();
    await chmod(file, 0o600);
  } catch (error) {
    const { message } = error as Error;
    throw new AppError("unavailable", `cannot open the database ${file}: ${message}`, { cause: error });
  }
}
