import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from "kysely";
import type { PoolClient } from "pg";
import { AppError } from "../../core/error.js";
import type { ConnectionPool } from "./connect.js";
import { isRetryable, postgresError } from "./errors.js";
import { Session } from "./session.js";

/** Reads on the connections of a pool, each statement for itself. */
export class ReadDriver implements Driver {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ReadConnection> {
    return new ReadConnection(this.#pool, await connected(this.#pool));
  }

  async releaseConnection(connection: ReadConnection): Promise<void> {
    connection.release();
  }

  async destroy(): Promise<void> {}

  beginTransaction(): Promise<void> {
    return refuseTransaction();
  }

  commitTransaction(): Promise<void> {
    return refuseTransaction();
  }

  rollbackTransaction(): Promise<void> {
    return refuseTransaction();
  }
}

/**
 * How often a statement is asked again that was in the way of a newer node's migration, and ended by the database (40P01), or whose
 * connection was lost.
 */
const REPEATS = 3;

/** A connection while a statement has it. */
class ReadConnection implements DatabaseConnection {
  readonly #pool: ConnectionPool;
  #client: PoolClient | null;
  #session: Session;

  constructor(pool: ConnectionPool, client: PoolClient) {
    this.#pool = pool;
    this.#client = client;
    this.#session = new Session(client);
  }

  async executeQuery<Row>(query: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    for (let left = REPEATS; ; left -= 1) {
      try {
        return await this.#session.executeQuery<Row>(query);
      } catch (error) {
        if (left === 0 || !(this.#session.isLost || isRetryable(error))) throw error;
        if (this.#session.isLost) await this.#replace();
      }
    }
  }

  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new AppError("internal", "a result is read at once");
  }

  release(): void {
    this.#client?.release(this.#session.isLost);
  }

  /** An idle connection may have ended without a word. */
  async #replace(): Promise<void> {
    this.#client?.release(true);
    // Its place in the pool is free before another one is asked for, or all could wait for each other.
    this.#client = null;
    this.#client = await connected(this.#pool);
    this.#session = new Session(this.#client);
  }
}

async function connected(pool: ConnectionPool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw postgresError(error);
  }
}

async function refuseTransaction(): Promise<void> {
  throw new AppError("internal", "a transaction on the connections that read");
}
