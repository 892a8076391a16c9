import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import type { ClientBase, QueryResult as PostgresResult } from "pg";
import { AppError } from "../../core/error.js";
import { isConnectionLost, postgresError } from "./errors.js";

/** Statements on one connection of PostgreSQL. Every failure is an AppError. */
export class Session implements DatabaseConnection {
  #isLost = false;

  constructor(readonly client: ClientBase) {}

  /** The connection cannot be used any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Runs a statement. On a pipelined connection it is sent before those before it were answered. */
  async send(sql: string, parameters?: readonly unknown[]): Promise<PostgresResult> {
    try {
      // Without a name: a pooler may give each transaction another connection.
      return await this.client.query(sql, parameters === undefined ? undefined : [...parameters]);
    } catch (error) {
      if (isConnectionLost(error)) this.#isLost = true;
      throw postgresError(error);
    }
  }

  async executeQuery<Row>({ sql, parameters }: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    return resultOf<Row>(await this.send(sql, parameters));
  }

  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new AppError("internal", "a result is read at once");
  }
}

/** A result of pg as Kysely's. */
export function resultOf<Row>({ command, rowCount, rows }: PostgresResult): QueryResult<Row> {
  const isChange = command === "INSERT" || command === "UPDATE" || command === "DELETE" || command === "MERGE";
  return isChange ? { rows: rows as Row[], numAffectedRows: BigInt(rowCount ?? 0) } : { rows: rows as Row[] };
}
