import type { Database, Statement } from "better-sqlite3";
import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import { AppError } from "../../core/error.js";
import { sqliteError } from "./errors.js";

/** Prepared statements kept; more than the distinct queries there are, lists of varying length aside. */
const MAX_STATEMENTS = 300;

/** One SQLite connection as Kysely sees it. Every failure is an AppError. */
export class SqliteConnection implements DatabaseConnection {
  readonly #database: Database;
  /** In order of last use, the oldest first. */
  readonly #statements = new Map<string, Statement<unknown[]>>();
  #inTransaction = false;

  constructor(database: Database) {
    this.#database = database;
  }

  async executeQuery<Row>({ sql, parameters }: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    this.#refuseAfterRollback();
    try {
      const statement = this.#prepare(sql);
      if (statement.reader) return { rows: statement.all(...parameters) as Row[] };
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    } catch (error) {
      throw sqliteError(error);
    }
  }

  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new AppError("internal", "a result is read at once: a stream would hold the only connection");
  }

  /** Takes the write lock at once: a transaction that reads first and writes later could be refused in its middle. */
  begin(): void {
    this.rollback();
    this.#control("begin immediate");
    this.#inTransaction = true;
  }

  /** Throws when the commit failed; the transaction may be open then, and is to be rolled back. */
  commit(): void {
    this.#refuseAfterRollback();
    this.#control("commit");
    this.#inTransaction = false;
  }

  /** Does nothing when SQLite has rolled back already. */
  rollback(): void {
    this.#inTransaction = false;
    if (this.#database.inTransaction) this.#control("rollback");
  }

  /** Begins a part of the transaction that can be taken back alone. There is one at a time. */
  savepoint(): void {
    this.#refuseAfterRollback();
    this.#control("savepoint part");
  }

  /** Keeps the part. */
  release(): void {
    this.#refuseAfterRollback();
    this.#control("release part");
  }

  /** Takes the part back. Throws when SQLite has given up the whole transaction, or gives it up now. */
  rollbackToSavepoint(): void {
    this.#refuseAfterRollback();
    this.#control("rollback to part");
    this.#control("release part");
  }

  #refuseAfterRollback(): void {
    // On a full disk SQLite itself rolls back. What came after would be kept, each statement alone.
    if (this.#inTransaction && !this.#database.inTransaction) {
      throw new AppError("unavailable", "the database gave the transaction up");
    }
  }

  #control(sql: string): void {
    try {
      this.#prepare(sql).run();
    } catch (error) {
      throw sqliteError(error);
    }
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
