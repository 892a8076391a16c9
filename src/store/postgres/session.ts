import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import type { ClientBase, QueryResult as PostgresResult } from "pg";
import { AppError } from "../../core/error.js";
import type { HostClient } from "./client.js";
import { isConnectionLost, isPlanGone, postgresError } from "./errors.js";
import { statementName } from "./statement-names.js";

/** The advisory lock of all writes, of all nodes. Locks belong to a database: several servers of one database share it, which does no harm. */
export const WRITE_LOCK = 7_235_419_001;

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
      if (parameters === undefined) return await this.client.query(sql);
      // Without a name where a pooler may give each transaction another connection.
      const { keepsStatements = false } = this.client as Partial<HostClient>;
      const name = keepsStatements ? statementName(sql) : undefined;
      return await this.client.query({ text: sql, values: [...parameters], ...(name === undefined ? {} : { name }) });
    } catch (error) {
      if (isConnectionLost(error) || isPlanGone(error)) this.#isLost = true;
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
