import type { Database, Statement } from "better-sqlite3";
import { AppError } from "../../core/error.js";
import { NO_ROWS, type Answer, type Space, type Step } from "./channel.js";
import { setCheckpoints } from "./connect.js";
import { closedError, sqliteError } from "./errors.js";
import type { Head } from "./commit-head.js";

/** Prepared statements kept; more than the distinct queries there are, lists of varying length aside. */
const MAX_STATEMENTS = 300;

/** Carries out steps on one SQLite connection, in the thread that has it. Every failure is an AppError. */
export class SqliteSession {
  readonly #database: Database;
  readonly #head: Head | null;
  /** In order of last use, the oldest first. */
  readonly #statements = new Map<string, Statement<unknown[]>>();
  #inTransaction = false;
  /** Why all but a rollback is refused: a step failed whose result was not awaited, or SQLite gave the transaction up. */
  #broken: AppError | null = null;

  constructor(database: Database, head: Head | null = null) {
    this.#database = database;
    this.#head = head;
  }

  /** As Channel.run. */
  run(steps: readonly Step[]): Answer {
    let answer = NO_ROWS;
    for (const [index, step] of steps.entries()) {
      try {
        answer = this.#carryOut(step);
      } catch (error) {
        const failure = sqliteError(error);
        const isUnexpected = index < steps.length - 1 || this.#isGivenUp();
        if (this.#inTransaction && isUnexpected) this.#broken ??= failure;
        throw failure;
      }
    }
    return answer;
  }

  #carryOut(step: Step): Answer {
    if (!this.#database.open) throw closedError();
    switch (step.op) {
      case "query":
        this.#refuseBroken();
        return this.#query(step.sql, step.parameters);
      case "begin":
        this.#begin();
        return NO_ROWS;
      case "commit":
        this.#commit();
        return NO_ROWS;
      case "rollback":
        this.#rollback();
        return NO_ROWS;
      case "begin part":
        this.#refuseBroken();
        this.#control("savepoint part");
        return NO_ROWS;
      case "keep part":
        this.#keepPart();
        return NO_ROWS;
      case "undo part":
        this.#undoPart();
        return NO_ROWS;
      case "keep head":
        this.#head?.keep(this.#database, step.run);
        return NO_ROWS;
      case "reclaim":
        return { rows: [this.#reclaim(step.isTight)] };
      case "close":
        this.#close();
        return NO_ROWS;
    }
  }

  /** With the write lock at once: a transaction that reads first and writes later could be refused in its middle. */
  #begin(): void {
    this.#rollback();
    try {
      this.#control("begin immediate");
    } catch (error) {
      // What was sent together with it is not to run outside of a transaction.
      this.#broken = sqliteError(error);
      throw error;
    }
    this.#inTransaction = true;
    this.#head?.begun();
  }

  #query(sql: string, parameters: readonly unknown[]): Answer {
    const statement = this.#prepare(sql);
    if (statement.reader) return { rows: statement.all(...parameters) };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], changes, lastId: Number(lastInsertRowid) };
  }

  /** Throws when the commit failed; the transaction may be open then, and is to be rolled back. */
  #commit(): void {
    this.#refuseBroken();
    this.#head?.beforeCommit();
    this.#control("commit");
    this.#inTransaction = false;
    this.#head?.committed();
  }

  /** Does nothing when SQLite has rolled back already. */
  #rollback(): void {
    this.#inTransaction = false;
    this.#broken = null;
    if (this.#database.inTransaction) this.#control("rollback");
  }

  /** Takes the part back instead, and throws, when a step failed whose result was not awaited. */
  #keepPart(): void {
    const broken = this.#broken;
    if (broken === null) return this.#control("release part");
    this.#undoPart();
    throw broken;
  }

  /** Throws when SQLite has given up the whole transaction, or gives it up now. */
  #undoPart(): void {
    if (!this.#database.inTransaction) this.#refuseBroken();
    this.#control("rollback to part");
    this.#control("release part");
    this.#broken = null;
  }

  #refuseBroken(): void {
    // On a full disk SQLite itself rolls back. What came after would be kept, each statement alone.
    if (this.#isGivenUp()) {
      const why = this.#broken === null ? "" : `: ${this.#broken.message}`;
      throw new AppError("unavailable", `the database gave the transaction up${why}`, { cause: this.#broken?.cause });
    }
    if (this.#broken !== null) throw this.#broken;
  }

  #isGivenUp(): boolean {
    return this.#inTransaction && !this.#database.inTransaction;
  }

  /** Outside of transactions alone: a checkpoint within one is refused. */
  #reclaim(isTight: boolean): Space {
    this.#rollback();
    setCheckpoints(this.#database, isTight);
    this.#database.pragma("wal_checkpoint(TRUNCATE)");
    const [pages, size] = ["freelist_count", "page_size"].map(
      (name) => this.#database.pragma(name, { simple: true }) as number,
    );
    return { reusableBytes: (pages ?? 0) * (size ?? 0) };
  }

  /** Closes it whatever happens, then throws when the log could not be moved into the database file: the next one to open it does. */
  #close(): void {
    try {
      this.#rollback();
      this.#releaseHead();
      if (!this.#database.readonly) this.#database.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      this.#database.close();
      this.#head?.close();
    }
  }

  #releaseHead(): void {
    try {
      this.#head?.release();
    } catch {
      // As after a crash.
    }
  }

  #control(sql: string): void {
    this.#prepare(sql).run();
  }

  #prepare(sql: string): Statement<unknown[]> {
    const statement = this.#statements.get(sql) ?? this.#database.prepare<unknown[]>(sql);
    this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > MAX_STATEMENTS) {
      for (const [oldest] of this.#statements) {
        this.#statements.delete(oldest);
        break;
      }
    }
    return statement;
  }
}
