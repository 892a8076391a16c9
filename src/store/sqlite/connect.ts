import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { AppError } from "../../core/error.js";
import { sqliteError } from "./errors.js";

/** Which database is opened, and how. */
export interface SqliteOptions {
  /** The database file, made when it is missing; its directory must be there. SQLite puts `-wal` and `-shm` beside it. */
  readonly file: string;
  /** The path of better-sqlite3's compiled part, where it is not found by itself. */
  readonly nativeBinding?: string;
  /** `full`, unless told otherwise: a commit survives a power cut. `normal`: it survives the end of the process only. */
  readonly synchronous?: "full" | "normal";
  /** How long a statement waits for another process that has the database locked; 5,000 unless told otherwise. */
  readonly busyTimeoutMs?: number;
}

/** The write-ahead log is cut back to this after a checkpoint. */
const MAX_IDLE_WAL_BYTES = 64 * 1024 * 1024;

/**
 * Pages in the log from which on a commit moves them into the database file; 16 MiB. SQLite's own 1,000 are some twenty publishes, so
 * that the pages which every one of them changes would be moved that often.
 */
const CHECKPOINT_PAGES = 4_000;
/** The same where the disk is tight; the log takes this and the largest transaction. */
const TIGHT_CHECKPOINT_PAGES = 64;
/** The part of a disk that the log may take before a checkpoint: on one of a few MiB it would fill it. */
const LOG_SHARE = 1 / 16;
const PAGE_BYTES = 4096;

/**
 * Pages kept in memory, KiB: the upper levels of the indexes of a long history, and the pages of one large document until its commit.
 */
const WRITE_CACHE_KIB = 64 * 1024;
const READ_CACHE_KIB = 32 * 1024;

/** The connection that writes to an existing file, and makes it a WAL database. Throws as openSqliteStore does. */
export function connectToWrite(options: SqliteOptions): Database.Database {
  return connect(options, false, (database) => {
    const mode = database.pragma("journal_mode = WAL", { simple: true });
    if (mode !== "wal") throw new AppError("unavailable", "its file system has no write-ahead log");
    database.pragma(`synchronous = ${options.synchronous ?? "full"}`);
    database.pragma("foreign_keys = ON");
    database.pragma(`cache_size = -${WRITE_CACHE_KIB}`);
    // By default SQLite keeps rows for a rollback in /var/tmp or /tmp: where these are read-only, no statement that changes many
    // rows would run, and else rows would lie outside of the data directory.
    database.pragma("temp_store = MEMORY");
    setCheckpoints(database, false);
    database.pragma(`journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
  });
}

/** Sets from how many pages on a commit moves the log into the database file: few on a small disk, and where it is tight. */
export function setCheckpoints(database: Database.Database, isTight: boolean): void {
  const pages = isTight ? TIGHT_CHECKPOINT_PAGES : pagesFor(dirname(database.name));
  database.pragma(`wal_autocheckpoint = ${pages}`);
}

function pagesFor(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  const share = Math.floor((blocks * bsize * LOG_SHARE) / PAGE_BYTES);
  // Some file systems do not tell their size.
  return share === 0 ? CHECKPOINT_PAGES : Math.max(TIGHT_CHECKPOINT_PAGES, Math.min(CHECKPOINT_PAGES, share));
}

/** A connection that cannot write, to a database that another one made a WAL database. Throws as openSqliteStore does. */
export function connectToRead(options: SqliteOptions): Database.Database {
  return connect(options, true, (database) => {
    database.pragma("temp_store = MEMORY");
    database.pragma(`cache_size = -${READ_CACHE_KIB}`);
  });
}

function connect(
  { file, nativeBinding, busyTimeoutMs: timeout = 5000 }: SqliteOptions,
  readonly: boolean,
  setUp: (database: Database.Database) => void,
): Database.Database {
  let database: Database.Database | undefined;
  try {
    const binding = nativeBinding === undefined ? {} : { nativeBinding };
    database = new Database(file, { readonly, timeout, fileMustExist: true, ...binding });
    setUp(database);
    return database;
  } catch (error) {
    database?.close();
    const { code, message } = sqliteError(error);
    throw new AppError(code, `cannot open the database ${file}: ${message}`, { cause: error });
  }
}
