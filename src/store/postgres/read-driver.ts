import type { Driver } from "kysely";
import type { PoolClient } from "pg";
import { AppError } from "../../core/error.js";
import type { ConnectionPool } from "./connect.js";
import { postgresError } from "./errors.js";
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

/** A connection while a statement has it. */
class ReadConnection extends Session {
  constructor(private readonly borrowed: PoolClient) {
    super(borrowed);
  }

  release(): void {
    this.borrowed.release(this.isLost);
  }
}

async function refuseTransaction(): Promise<void> {
  throw new AppError("internal", "a transaction on the connections that read");
}
