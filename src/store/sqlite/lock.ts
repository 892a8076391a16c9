import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { AppError } from "../../core/error.js";
import { sqliteError } from "./errors.js";
import { recordOf } from "./head-file.js";

/** The ownership of a data directory; given up when disposed of. */
export interface DirectoryLock extends AsyncDisposable {
  readonly directory: string;
}

/** How the lock of a data directory is taken. */
export interface LockOptions {
  /** The path of better-sqlite3's compiled part, where it is not found by itself. */
  readonly nativeBinding?: string;
}

/**
 * Makes this process the only owner of a data directory, which is made (mode 0700) when it is missing. The operating system gives
 * the lock back when the process ends, however it ends.
 *
 * On a file system that is mounted read-only no process can own or lock anything: any may read there.
 *
 * Throws at once: `conflict` when the directory has an owner, this process or another one, and `unavailable` when it cannot be
 * made or locked.
 */
export function lockDataDirectory(directory: string, options: LockOptions = {}): DirectoryLock {
  if (isOnReadOnlyFileSystem(directory)) return { directory, [Symbol.asyncDispose]: async () => undefined };
  const database = openLocked(directory, options);
  const pidFile = path.join(directory, "signet.pid");
  bestEffort(() => writePlainFile(pidFile, `${process.pid}\n`));
  return {
    directory,
    async [Symbol.asyncDispose]() {
      if (!database.open) return;
      // Before the lock goes: afterwards the file may be the next owner's.
      bestEffort(() => rmSync(pidFile, { force: true }));
      database.close();
    },
  };
}

/** Writes a file anew, and never through a link. */
function writePlainFile(name: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const file = openSync(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}

/**
 * Throws `conflict` when another process has the database open and the server that had it last has not ended: it runs, and its lock
 * file was removed. A shell on a database whose server has ended is no conflict.
 */
export function refuseRival(file: string, options: LockOptions = {}): void {
  if (!existsSync(file) || isAlone(file, options)) return;
  const database = new Database(file, { readonly: true, timeout: 0, ...options });
  try {
    if ((recordOf(database)?.run ?? null) === null) return;
  } catch {
    // Opening it reports what is wrong with it.
    return;
  } finally {
    database.close();
  }
  throw new AppError(
    "conflict",
    `another process has the database ${file} open, and the server that had it last has not ended: was its signet.lock removed? ` +
      "Stop that server, or close the program that looks into the database",
  );
}

/** Every connection to a WAL database holds a shared lock on its file for as long as it is open. */
function isAlone(file: string, options: LockOptions): boolean {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 0, fileMustExist: true, ...options });
    database.pragma("locking_mode = EXCLUSIVE");
    database.prepare("select count(*) from sqlite_master").get();
    return true;
  } catch (error) {
    return !(error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY"));
  } finally {
    database?.close();
  }
}

function openLocked(directory: string, options: LockOptions): Database.Database {
  let database: Database.Database | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = path.join(directory, "signet.lock");
    // SQLite's lock, not a file that says "locked": nothing is left over when the process is killed, and SQLite also tells two
    // owners inside of one process apart.
    database = new Database(file, { timeout: 0, ...options });
    bestEffort(() => chmodSync(file, 0o600));
    database.pragma("locking_mode = EXCLUSIVE");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    throw refusal(directory, error);
  }
}

function isOnReadOnlyFileSystem(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EROFS";
  }
}

function refusal(directory: string, error: unknown): AppError {
  if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) {
    const owner = livingOwner(directory);
    const holder = owner === null ? "" : ` (process ${owner})`;
    const message = `the data directory ${directory} is in use by another signet process${holder}`;
    return new AppError("conflict", message, { cause: error });
  }
  const why = error instanceof Database.SqliteError ? sqliteError(error).message : (error as Error).message;
  return new AppError("unavailable", `cannot lock the data directory ${directory}: ${why}`, { cause: error });
}

/** The process that the pid file names, if it lives; the file may be older than the lock. */
function livingOwner(directory: string): number | null {
  try {
    const pid = Number(readFileSync(path.join(directory, "signet.pid"), "utf8").trim());
    if (!Number.isSafeInteger(pid) || pid <= 0) return null;
    return isAlive(pid) ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** For what only helps a person to read an error: its failure must not keep the server from starting or stopping. */
function bestEffort(act: () => void): void {
  try {
    act();
  } catch {
    // As said above.
  }
}
