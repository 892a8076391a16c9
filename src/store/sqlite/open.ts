import { chmod, open } from "node:fs/promises";
import Database from "better-sqlite3";
import { AppError } from "../../core/error.js";
import type { Store } from "../store.js";
import { sqliteError } from "./errors.js";
import { SqliteStore } from "./store.js";

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
 * Opens a database, readable for its owner only (mode 0600), and brings it to the newest schema.
 *
 * Throws `unavailable` when the file cannot be opened or is busy, `conflict` when it is from a newer release, and `internal` when
 * it is not a database. Nothing stays open then.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  await createPrivately(options.file);
  const store = connect(options);
  try {
    await store.migrate();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

function connect(options: SqliteOptions): SqliteStore {
  const opened: Database.Database[] = [];
  const open = (readonly: boolean): Database.Database => {
    const { file, nativeBinding, busyTimeoutMs: timeout = 5000 } = options;
    const binding = nativeBinding === undefined ? {} : { nativeBinding };
    const database = new Database(file, { readonly, timeout, fileMustExist: true, ...binding });
    opened.push(database);
    return database;
  };
  try {
    const writing = open(false);
    setUpWriting(writing, options.synchronous ?? "full");
    // After the log is there: a read-only connection cannot make it.
    return new SqliteStore(writing, open(true));
  } catch (error) {
    for (const database of opened) database.close();
    const { code, message } = sqliteError(error);
    throw new AppError(code, `cannot open the database ${options.file}: ${message}`, { cause: error });
  }
}

function setUpWriting(database: Database.Database, synchronous: "full" | "normal"): void {
  const mode = database.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") throw new AppError("unavailable", "its file system has no write-ahead log");
  database.pragma(`synchronous = ${synchronous}`);
  database.pragma("foreign_keys = ON");
  database.pragma(`journal_size_limit = ${MAX_IDLE_WAL_BYTES}`);
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
    throw new AppError("unavailable", `cannot open the database ${file}`, { cause: error });
  }
}
