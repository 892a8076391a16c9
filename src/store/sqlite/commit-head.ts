import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Database, Statement } from "better-sqlite3";
import { AppError } from "../../core/error.js";
import type { SqliteOptions } from "./connect.js";
import { flush } from "./flush.js";
import { formatHead, headFileOf, type HeadRecord } from "./head-file.js";

/** What a commit is refused with when another process has taken the database over. */
export const TAKEN_OVER = "database_taken_over";

interface Statements {
  readonly changes: Statement<[], number>;
  readonly count: Statement<[string], number>;
}

/**
 * Counts the commits of a connection, in the database and in a small file beside it, so that the next start sees when the database is
 * older than what was acknowledged: without its log, or an older copy (head-file.ts). The file is written after the commit and is not
 * waited for: after a crash it is behind the database at most, never before it.
 *
 * With `synchronous` normal a commit may be lost in a power cut that the file survives, so the file is written at start and stop only.
 */
export class Head {
  readonly #path: string;
  readonly #isDurable: boolean;
  #file: number | null = null;
  #database: Database | null = null;
  #statements: Statements | null = null;
  #record: HeadRecord = { databaseId: "", run: null, commits: 0 };
  #changesBefore = 0;
  /** What the transaction will have counted when it is committed. */
  #counted: number | null = null;

  constructor({ file, synchronous = "full" }: Pick<SqliteOptions, "file" | "synchronous">) {
    this.#path = headFileOf(file);
    this.#isDurable = synchronous === "full";
  }

  /** Makes `run` the one that may write, durably, in the database and in the file, and counts from now on. */
  keep(database: Database, run: string): void {
    const before = database.pragma("synchronous", { simple: true }) as number;
    database.pragma("synchronous = full");
    this.#record = claim(database, run);
    database.pragma(`synchronous = ${before}`);
    this.#file = openDurably(this.#path);
    this.#write(true);
    this.#database = database;
    this.#statements = {
      changes: database.prepare<[], number>("select total_changes()").pluck(),
      count: database
        .prepare<[string], number>("update commit_head set commits = commits + 1 where run = ? returning commits")
        .pluck(),
    };
  }

  begun(): void {
    this.#counted = null;
    this.#changesBefore = this.#statements?.changes.get() ?? 0;
  }

  /** Throws when the database has another owner now: two must never write to it. */
  beforeCommit(): void {
    if (this.#statements?.changes.get() === this.#changesBefore) return;
    const commits = this.#statements?.count.get(this.#record.run ?? "");
    if (commits !== undefined) this.#counted = commits;
    else if (this.#statements !== null) {
      const message = "another signet process has taken over the database: this one stops writing";
      throw new AppError("unavailable", message, { reason: TAKEN_OVER });
    }
  }

  /** Only now: a commit that failed, as on a full disk, must not be in the file. */
  committed(): void {
    if (this.#counted === null) return;
    this.#record = { ...this.#record, commits: this.#counted };
    if (this.#isDurable) this.#write(false);
  }

  /** The owner ends: while the database is still open. */
  release(): void {
    if (this.#database === null) return;
    // All rows: reading only the first one would miss the error of the commit.
    const [left] = this.#database
      .prepare<[string | null], { commits: number }>(
        "update commit_head set commits = commits + 1, run = null where run = ? returning commits",
      )
      .all(this.#record.run);
    if (left !== undefined) this.#record = { ...this.#record, run: null, commits: left.commits };
  }

  /** After the database was closed, with all of it in one file. */
  close(): void {
    if (this.#file === null) return;
    this.#write(true);
    closeSync(this.#file);
    this.#file = null;
    this.#database = null;
    this.#statements = null;
  }

  #write(wait: boolean): void {
    if (this.#file === null) return;
    try {
      const length = writeSync(this.#file, formatHead(this.#record), 0, "utf8");
      if (!wait) return;
      // Another program may have written more: the remainder would make the line unreadable for good.
      ftruncateSync(this.#file, length);
      fsyncSync(this.#file);
    } catch {
      // It stays behind the database, as after a crash.
    }
  }
}

function claim(database: Database, run: string): HeadRecord {
  const [row] = database
    .prepare<[string], { id: string; commits: number }>(
      "update commit_head set commits = commits + 1, run = ? returning database_id as id, commits",
    )
    .all(run);
  if (row === undefined) throw new AppError("internal", "the database does not count its commits");
  return { databaseId: row.id, run, commits: row.commits };
}

/** The name must survive a power cut too. */
function openDurably(path: string): number {
  const file = openSync(path, "a+", 0o600);
  closeSync(file);
  flush(dirname(path));
  return openSync(path, "r+");
}
