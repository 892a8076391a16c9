import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import { AppError } from "../../core/error.js";
import { isDeferrable } from "../queries/prepared.js";
import type { Answer, Channel, Step } from "./channel.js";

/** The number of deferred steps at which a part sends them. */
const MAX_DEFERRED = 32;

/** One SQLite connection as Kysely sees it. Every failure is an AppError. */
export class SqliteConnection implements DatabaseConnection {
  readonly #channel: Channel;
  /** Steps without an awaited result go along with the next awaited one. */
  #deferred: Step[] = [];
  #isInPart = false;
  #hasBegun = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  async executeQuery<Row>(query: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    const { sql, parameters } = query;
    const step: Step = { op: "query", sql, parameters };
    if (this.#isInPart && isDeferrable(query) && this.#deferred.length < MAX_DEFERRED) {
      this.#deferred.push(step);
      return { rows: [] };
    }
    const { rows, changes, lastId } = await this.#send(step);
    if (changes === undefined) return { rows: rows as Row[] };
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastId ?? 0) };
  }

  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new AppError("internal", "a result is read at once: a stream would hold the only connection");
  }

  /** Whether the transaction has begun in the database. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** With the first step that is waited for, which fails when the database cannot be opened. */
  begin(): void {
    this.#hasBegun = false;
    this.#deferred = [{ op: "begin" }];
  }

  /** Throws when the commit failed; the transaction may be open then, and is to be rolled back. */
  async commit(): Promise<void> {
    await this.#send({ op: "commit" });
  }

  /** Does nothing when SQLite has rolled back already. */
  async rollback(): Promise<void> {
    this.#deferred = [];
    this.#isInPart = false;
    await this.#send({ op: "rollback" });
  }

  /** Begins a part of the transaction that can be rolled back alone (a savepoint). There is one at a time. */
  beginPart(): void {
    this.#deferred.push({ op: "begin part" });
    this.#isInPart = true;
  }

  /** Keeps the part; a next one can begin at once. Rejects when a step failed: the part is rolled back then. */
  async keepPart(): Promise<void> {
    this.#isInPart = false;
    await this.#send({ op: "keep part" });
  }

  /** Takes the part back. Rejects when the whole transaction is given up. */
  async undoPart(): Promise<void> {
    this.#isInPart = false;
    const unsent = this.#deferred.findIndex(({ op }) => op === "begin part");
    this.#deferred = this.#deferred.slice(0, Math.max(0, unsent));
    if (unsent < 0) await this.#send({ op: "undo part" });
  }

  async #send(step: Step): Promise<Answer> {
    const steps = [...this.#deferred, step];
    this.#deferred = [];
    const answer = await this.#channel.run(steps);
    this.#hasBegun = true;
    return answer;
  }
}
