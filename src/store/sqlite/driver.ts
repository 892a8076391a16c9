import type { Database } from "better-sqlite3";
import type { Driver } from "kysely";
import { SqliteConnection } from "./connection.js";
import { closedError, sqliteError } from "./errors.js";

/**
 * Hands one connection to one user at a time, in the order in which they asked: a transaction has it from begin to end. After
 * `close` was called whoever asks is refused with `unavailable`.
 */
export class SqliteDriver implements Driver {
  readonly #database: Database;
  readonly #connection: SqliteConnection;
  #lastInLine: Promise<void> = Promise.resolve();
  #letNextIn: () => void = () => undefined;
  #closing: Promise<void> | null = null;

  constructor(database: Database) {
    this.#database = database;
    this.#connection = new SqliteConnection(database);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    if (this.#closing !== null) throw closedError();
    return this.#takeTurn();
  }

  async releaseConnection(): Promise<void> {
    this.#letNextIn();
  }

  async beginTransaction(connection: SqliteConnection): Promise<void> {
    connection.begin();
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    connection.commit();
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    try {
      connection.rollback();
    } catch {
      // What made the transaction fail is to be told, not this. The next one begins with another try.
    }
  }

  async destroy(): Promise<void> {
    await this.close();
  }

  /** Waits for those who are in line, then runs `last` and closes the database. A second call waits for the first. */
  close(last: (database: Database) => Promise<void> = async () => {}): Promise<void> {
    this.#closing ??= this.#close(last);
    return this.#closing;
  }

  async #close(last: (database: Database) => Promise<void>): Promise<void> {
    await this.#takeTurn();
    try {
      await last(this.#database);
    } catch (error) {
      throw sqliteError(error);
    } finally {
      this.#database.close();
    }
  }

  async #takeTurn(): Promise<SqliteConnection> {
    const before = this.#lastInLine;
    let done: () => void = () => undefined;
    this.#lastInLine = new Promise((resolve) => (done = resolve));
    await before;
    this.#letNextIn = done;
    return this.#connection;
  }
}
