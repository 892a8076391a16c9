import type { DatabaseConnection, Driver } from "kysely";
import { AppError } from "../../core/error.js";

/** Runs statements in a transaction that GroupCommit has begun on the connection, until `end`. */
export class TransactionDriver implements Driver {
  readonly #connection: DatabaseConnection;
  #ended = false;

  constructor(connection: DatabaseConnection) {
    // Asked again with each statement: the end may come between the request for the connection and the statement.
    this.#connection = {
      executeQuery: (query) => (this.#ended ? refuseLate() : connection.executeQuery(query)),
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
    };
  }

  /** Statements that come later are refused. */
  end(): void {
    this.#ended = true;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#ended) return await refuseLate();
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}

  beginTransaction(): Promise<void> {
    return refuseNested();
  }

  commitTransaction(): Promise<void> {
    return refuseNested();
  }

  rollbackTransaction(): Promise<void> {
    return refuseNested();
  }
}

async function refuseLate(): Promise<never> {
  throw new AppError("internal", "a statement after the end of its transaction");
}

async function refuseNested(): Promise<void> {
  throw new AppError("internal", "a transaction inside of a transaction");
}
