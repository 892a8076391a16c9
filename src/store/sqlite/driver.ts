import type { Driver } from "kysely";
import { Semaphore } from "../../core/schedule/semaphore.js";
import type { Lease } from "../../core/schedule/lease.js";
import type { Channel } from "./channel.js";
import { SqliteConnection } from "./connection.js";
import { closedError } from "./errors.js";

/**
 * Hands one connection to one user at a time, in the order in which they asked: a transaction has it from begin to end. After
 * `close` was called all requests are refused with `unavailable`.
 */
export class SqliteDriver implements Driver {
  readonly #channel: Channel;
  readonly #connection: SqliteConnection;
  readonly #mutex = new Semaphore(1);
  #lease: Lease | null = null;
  #closing: Promise<void> | null = null;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#connection = new SqliteConnection(channel);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    if (this.#closing !== null) throw closedError();
    return this.#lock();
  }

  async releaseConnection(): Promise<void> {
    this.#lease?.[Symbol.dispose]();
  }

  async beginTransaction(connection: SqliteConnection): Promise<void> {
    connection.begin();
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    try {
      await connection.rollback();
    } catch {
      // What made the transaction fail is to be told, not this. The next one begins with another try.
    }
  }

  async destroy(): Promise<void> {
    await this.close();
  }

  /** Waits for the queue and then for `before`, and closes the connection. A second call waits for the first. */
  close(before: Promise<void> = Promise.resolve()): Promise<void> {
    this.#closing ??= this.#close(before);
    return this.#closing;
  }

  async #close(before: Promise<void>): Promise<void> {
    await this.#lock();
    try {
      await before;
    } finally {
      await this.#channel.run([{ op: "close" }]);
    }
  }

  async #lock(): Promise<SqliteConnection> {
    this.#lease = await this.#mutex.acquire();
    return this.#connection;
  }
}
