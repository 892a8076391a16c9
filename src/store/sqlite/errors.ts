import Database from "better-sqlite3";
import { AppError, type AppErrorCode } from "../../core/error.js";

/** What SQLite's result codes mean; extended ones (`SQLITE_IOERR_WRITE`) begin with these. */
const MEANINGS: readonly (readonly [result: string, code: AppErrorCode, message: string])[] = [
  ["SQLITE_BUSY", "unavailable", "the database is busy"],
  ["SQLITE_LOCKED", "unavailable", "the database is busy"],
  ["SQLITE_FULL", "unavailable", "the disk of the database is full"],
  ["SQLITE_READONLY", "unavailable", "the database cannot be written to"],
  ["SQLITE_IOERR", "unavailable", "the disk of the database fails"],
  [
    "SQLITE_CANTOPEN",
    "unavailable",
    "the database file cannot be opened: no such file, permission denied, or too many open files",
  ],
  ["SQLITE_NOTADB", "internal", "the file is not a database"],
  ["SQLITE_CORRUPT", "internal", "the database is damaged"],
];

/** Codes of a value that another row has already. */
const TAKEN = ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"];

/**
 * What a failure of the driver means: `conflict` for a unique value that is taken, `unavailable` for a database that is busy,
 * closed, full, read-only or on a failing disk, else `internal`. The driver's error is the cause; an AppError is kept as it is.
 */
export function sqliteError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof Database.SqliteError) {
    if (TAKEN.includes(error.code)) return new AppError("conflict", takenMessage(error.message), { cause: error });
    const meaning = MEANINGS.find(([result]) => error.code === result || error.code.startsWith(`${result}_`));
    if (meaning !== undefined) return new AppError(meaning[1], `${meaning[2]} (${error.code})`, { cause: error });
    return new AppError("internal", `the database refused a statement (${error.code})`, { cause: error });
  }
  return new AppError("internal", "the database refused a statement", { cause: error });
}

/** Whether a failure means that the disk takes no changes: full, read-only or failing. Reads may still work. */
export function isDiskFailure(error: unknown): error is AppError {
  if (!(error instanceof AppError) || error.code !== "unavailable") return false;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === "string" && /^(SQLITE_(FULL|READONLY|IOERR|CANTOPEN)|EROFS$|ENOSPC$|EDQUOT$|EIO$)/.test(code);
}

/** What a full disk, or a quota that is used up, makes SQLite and the system say. */
const FULL: ReadonlySet<unknown> = new Set(["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "ENOSPC", "EDQUOT"]);

/** Whether a failure means that the disk is full. */
export function isFullDisk(error: unknown): boolean {
  return isDiskFailure(error) && FULL.has((error.cause as { code?: unknown }).code);
}

/** A call after the database was closed. */
export function closedError(): AppError {
  return new AppError("unavailable", "the database is closed");
}

/** The driver says `UNIQUE constraint failed: bundles.environment_id, bundles.version`. */
function takenMessage(driverMessage: string): string {
  const columns = driverMessage.replace(/^.*failed: /, "").split(", ");
  const table = columns[0]?.split(".")[0] ?? "";
  const names = columns.map((column) => column.split(".")[1] ?? column);
  return `${table.replaceAll("_", " ")}: there is one with the same ${names.join(" and ").replaceAll("_", " ")} already`;
}
