import { closeSync, fdatasyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { connectToRead, type SqliteOptions } from "./connect.js";
import { sqliteError } from "./errors.js";
import { flush } from "./flush.js";
import { requireSpace } from "./free-space.js";

/** Pages that are copied in one turn; 1 MiB of the usual 4 KiB. */
const PAGES_PER_TURN = 256;
/** Turns after which the copy is flushed: one large flush at the end would hold up the commits of the database. */
const TURNS_PER_FLUSH = 8;

/** How a database is copied. */
export interface CopyOptions {
  /** Rests after each turn for as long as the turn took, so that others get the disk and the processor. Blocks the thread. */
  readonly isGentle: boolean;
  /** What the copy is for, as in "a backup needs 12 MiB". */
  readonly purpose: string;
  /** Bytes for which there must be space besides the copy. */
  readonly reserveBytes?: (copyBytes: number) => number;
  /** Called after each turn with the pages copied so far, and all. Throw to give up. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Copies one instant of a WAL database, which may be in use, to `target`: a new file of mode 0600 without a log, durable and complete
 * when this resolves. Until then it is called `target` with `.partial`. Returns its size in bytes.
 *
 * SQLite's backup API begins anew whenever another connection commits. Here its source is a connection that holds one read
 * transaction, which never sees another commit. The log cannot be cut back meanwhile and grows by what is written.
 *
 * Throws `unavailable` without enough space (checked first) or on a failing disk; no partial file is left then.
 */
export async function copyDatabase(source: SqliteOptions, target: string, options: CopyOptions): Promise<number> {
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
  const database = connectToRead(source);
  try {
    // A deferred transaction has its snapshot from its first read on.
    database.exec("begin");
    const bytes = sizeOf(database);
    requireSpace(dirname(target), bytes + (options.reserveBytes?.(bytes) ?? 0), options.purpose);
    await copyPages(database, partial, options);
    removeLog(partial, source);
    flush(partial);
    renameSync(partial, target);
    flush(dirname(target));
    return bytes;
  } catch (error) {
    rmSync(partial, { force: true });
    rmSync(`${partial}-journal`, { force: true });
    throw copyError(error);
  } finally {
    database.close();
  }
}

function sizeOf(database: Database.Database): number {
  const pages = database.pragma("page_count", { simple: true }) as number;
  return pages * (database.pragma("page_size", { simple: true }) as number);
}

async function copyPages(database: Database.Database, partial: string, options: CopyOptions): Promise<void> {
  // Closed after SQLite has closed the file: closing it earlier would give up SQLite's locks.
  const file = openSync(partial, "wx", 0o600);
  try {
    let turns = 0;
    let begun = performance.now();
    await database.backup(partial, {
      progress({ totalPages, remainingPages }) {
        turns += 1;
        if (turns % TURNS_PER_FLUSH === 0) fdatasyncSync(file);
        options.onProgress?.(totalPages - remainingPages, totalPages);
        if (options.isGentle) rest(performance.now() - begun);
        begun = performance.now();
        return PAGES_PER_TURN;
      },
    });
  } finally {
    closeSync(file);
  }
}

/** The copy's header names a log as its source's does: opened so, it would need one beside it. */
function removeLog(file: string, { nativeBinding }: SqliteOptions): void {
  const copy = new Database(file, { fileMustExist: true, ...defined({ nativeBinding }) });
  try {
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
}

function rest(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function copyError(error: unknown): unknown {
  if (error instanceof AppError || error instanceof Database.SqliteError) return sqliteError(error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new AppError("unavailable", `the copy cannot be written: ${message}`, { cause: error });
}
