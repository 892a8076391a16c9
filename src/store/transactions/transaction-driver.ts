import type { DatabaseConnection, Driver } from "kysely";
import { AppError } from "../../core/error.js";

/** Runs statements in a transaction that GroupCommit has begun on the connection, until `end`. */
export class TransactionDriver implements Driver {
  readonly #connection: DatabaseConnection;
  #ended = false;

  constructor(connection: DatabaseConnection) {
    this.#connection = connection;
  }

  /** Statements that come later are refused. */
  end(): void {
    this.#ended = true;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#ended) throw new AppError("internal", "a statement after the end of its transaction");
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

async function refuseNested(): Promise<void> {
  throw new AppError("internal", "a transaction inside of a transaction");
}
