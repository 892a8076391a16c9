import { Kysely, sql } from "kysely";
import { AppError } from "../../core/error.js";
import { createReader } from "../queries/reader.js";
import type { Schema } from "../schema.js";
import type { Reader, Store, Writer } from "../store.js";
import { GroupCommit, type GroupLimits } from "../transactions/group-commit.js";
import { loggingWriter } from "./change-log.js";
import { CommitLog } from "./commit-log.js";
import type { Pools } from "./connect.js";
import { PostgresDialect } from "./dialect.js";
import { isConnectionLost, isRetryable } from "./errors.js";
import { PostgresFeed } from "./feed.js";
import { ReadDriver } from "./read-driver.js";
import type { WriteConnection } from "./write-connection.js";
import { WriteDriver } from "./write-driver.js";

/** A group holds the writes of all nodes: shorter than where one process writes alone. */
export const GROUP_LIMITS: GroupLimits = { maxWorks: 32, maxMs: 10, maxWaiting: 2_000, maxWaitMs: 10_000 };

/**
 * The Store over PostgreSQL, for any number of nodes. Each write transaction has one advisory lock, so that those of all nodes are one after
 * another (Store.write); each node gathers its own into groups that share a transaction. Reads have connections of their own and never wait.
 *
 * Works that a lost connection or a conflict undid are run again, on a new connection; their only effects are in the transaction.
 */
export class PostgresStore implements Store {
  readonly read: Reader;
  readonly feed: PostgresFeed;
  /** For what is asked of the server itself. */
  readonly pools: Pools;
  readonly #readDb: Kysely<Schema>;
  readonly #log = new CommitLog();
  readonly #groups: GroupCommit<WriteConnection>;

  /** Takes the pools over: they are closed with the store. @param nodeId this process */
  constructor(pools: Pools, nodeId: string, limits = GROUP_LIMITS) {
    this.pools = pools;
    this.#readDb = new Kysely<Schema>({ dialect: new PostgresDialect(new ReadDriver(pools.read)) });
    this.read = createReader(this.#readDb);
    this.feed = new PostgresFeed(nodeId, pools);
    this.#groups = new GroupCommit({
      driver: new WriteDriver(pools.write, nodeId, this.#log),
      limits,
      openWriter: (statements) =>
        loggingWriter(new Kysely<Schema>({ dialect: new PostgresDialect(statements) }), this.#log),
      tooSlow: "the database is too slow for the pending writes",
      isRepeatable,
      committed: () => {
        if (!this.#log.isQuiet) this.feed.tell();
      },
    });
  }

  async write<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    try {
      return await this.feed.marks.write((marked) => this.#groups.run(marked), work);
    } catch (error) {
      if (error instanceof AppError && error.reason === "outcome_unknown") {
        this.feed.tell();
        this.feed.miss();
      }
      throw error;
    }
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#readDb);
  }

  /** Waits for the transactions that were asked for, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#groups.close();
    await this.feed[Symbol.asyncDispose]();
    await this.pools[Symbol.asyncDispose]();
  }
}

/** Nothing of it is committed: another transaction was in its way, or the connection was lost before the commit was sent. */
function isRepeatable(error: unknown): boolean {
  if (error instanceof AppError && error.reason === "outcome_unknown") return false;
  return isRetryable(error) || isConnectionLost(error);
}
