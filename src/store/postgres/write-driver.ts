import type { PoolClient } from "pg";
import type { GroupDriver } from "../transactions/group-commit.js";
import type { CommitLog } from "./commit-log.js";
import type { ConnectionPool } from "./connect.js";
import { postgresError } from "./errors.js";
import { outcomeOf } from "./outcome.js";
import { WriteConnection } from "./write-connection.js";

/** Hands out the one connection that writes. */
export class WriteDriver implements GroupDriver<WriteConnection> {
  readonly #pool: ConnectionPool;
  readonly #connection: WriteConnection;
  #client: PoolClient | null = null;

  constructor(pool: ConnectionPool, nodeId: string, log: CommitLog) {
    this.#pool = pool;
    this.#connection = new WriteConnection(nodeId, log, (mark) => outcomeOf(pool, mark));
  }

  async acquireConnection(): Promise<WriteConnection> {
    try {
      const client = await this.#pool.connect();
      this.#client = client;
      this.#connection.attach(client);
      return this.#connection;
    } catch (error) {
      throw postgresError(error);
    }
  }

  async rollbackTransaction(connection: WriteConnection): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(connection: WriteConnection): Promise<void> {
    this.#client?.release(connection.isLost);
    this.#client = null;
  }
}
