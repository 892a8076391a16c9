import type { CompiledQuery, Driver, QueryResult } from "kysely";
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
    try {
      return new ReadConnection(await this.#pool.connect());
    } catch (error) {
      throw postgresError(error);
    }
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

/** How often a statement is asked again that was in the way of a newer node's migration, and ended by the database (40P01). */
const REPEATS = 3;

/** A connection while a statement has it. */
class ReadConnection extends Session {
  constructor(private readonly borrowed: PoolClient) {
    super(borrowed);
  }

  override async executeQuery<Row>(query: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    for (let left = REPEATS; ; left -= 1) {
      try {
        return await super.executeQuery<Row>(query);
      } catch (error) {
        if (left === 0 || this.isLost || !isRetryable(error)) throw error;
      }
    }
  }

  release(): void {
    this.borrowed.release(this.isLost);
  }
}

async function refuseTransaction(): Promise<void> {
  throw new AppError("internal", "a transaction on the connections that read");
}
