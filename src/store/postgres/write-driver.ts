import type { PoolClient } from "pg";
import type { GroupDriver } from "../transactions/group-commit.js";
import type { ConnectionPool } from "./connect.js";
import { postgresError } from "./errors.js";
import { outcomeOf, timelineOf } from "./outcome.js";
import { WriteConnection } from "./write-connection.js";

/** Hands out the one connection that writes. */
export class WriteDriver implements GroupDriver<WriteConnection> {
  readonly #pool: ConnectionPool;
  readonly #connection: WriteConnection;
  #client: PoolClient | null = null;
  /** Asked once for each connection: a server that gets another timeline ends its connections. */
  readonly #timelines = new WeakMap<PoolClient, Promise<string | null>>();

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
    this.#connection = new WriteConnection((mark) => outcomeOf(pool, mark));
  }

  async acquireConnection(): Promise<WriteConnection> {
    try {
      const client = await this.#pool.connect();
      const timeline =
        this.#timelines.get(client) ?? timelineOf(async (sql) => (await client.query<{ timeline: string }>(sql)).rows);
      this.#timelines.set(client, timeline);
      this.#client = client;
      this.#connection.attach(client, timeline);
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
