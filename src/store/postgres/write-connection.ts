import { randomUUID } from "node:crypto";
import type { CompiledQuery, QueryResult } from "kysely";
import type { PoolClient, QueryResult as PostgresResult } from "pg";
import { AppError } from "../../core/error.js";
import { isDeferrable } from "../queries/prepared.js";
import type { GroupConnection } from "../transactions/group-commit.js";
import { LOG_COMMIT, type CommitLog } from "./commit-log.js";
import { isRetryable, stateOf } from "./errors.js";
import type { CommitOutcome, TransactionMark } from "./outcome.js";
import { resultOf, Session, WRITE_LOCK } from "./session.js";
import { LOCAL_SETTINGS } from "./timeouts.js";

/**
 * Whatever the database or the role have as their defaults: each statement must see what was committed before the lock was got. A database
 * that acknowledges before it has written (`synchronous_commit = off`) would lose what was acknowledged.
 */
const BEGIN = `begin isolation level read committed read write; ${LOCAL_SETTINGS},
  set_config('synchronous_commit',
    case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, true)`;

/**
 * Deferred foreign keys are checked with the part that violates them: at the commit they would fail the whole group. One message, so that
 * nothing more is waited for.
 */
const KEEP_PART = "set constraints all immediate; set constraints all deferred; release savepoint part";

/** "in failed SQL transaction", and "no such savepoint": said of what comes after the statement that failed. */
const AFTER_FAILURE: readonly unknown[] = ["25P02", "3B001"];

/** The connection that writes. Statements are pipelined: those whose result is not needed are not waited for. */
export class WriteConnection implements GroupConnection {
  readonly #nodeId: string;
  readonly #log: CommitLog;
  readonly #outcomeOf: (mark: TransactionMark) => Promise<CommitOutcome>;
  #session: Session | null = null;
  /** Whether there is something to commit. */
  #isChanged = false;
  #isBegun = false;
  #hasBegun = false;
  #isInPart = false;
  #hasSavepoint = false;
  /** The statement that failed first, since the transaction or the part that is gone was begun. */
  #failure: AppError | null = null;
  /** The end of the last part. Never rejects. */
  #ended: Promise<void> = Promise.resolve();

  constructor(nodeId: string, log: CommitLog, outcomeOf: (mark: TransactionMark) => Promise<CommitOutcome>) {
    this.#nodeId = nodeId;
    this.#log = log;
    this.#outcomeOf = outcomeOf;
  }

  /** Uses a connection of the pool for the next transaction. */
  attach(client: PoolClient): void {
    this.#session = new Session(client);
  }

  /** The connection cannot be used any more. */
  get isLost(): boolean {
    return this.#session?.isLost ?? true;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  begin(): void {
    this.#log.clear();
    this.#isBegun = false;
    this.#hasBegun = false;
    this.#isInPart = false;
    this.#hasSavepoint = false;
    this.#failure = null;
    this.#isChanged = false;
    this.#ended = Promise.resolve();
  }

  beginPart(): void {
    this.#isInPart = true;
    this.#hasSavepoint = false;
  }

  async executeQuery<Row>(query: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    await this.#ended;
    this.#openPart();
    this.#isChanged ||= !query.sql.startsWith("select");
    if (this.#isInPart && isDeferrable(query)) {
      this.#follow(this.#send(query.sql, query.parameters));
      return { rows: [] };
    }
    const result = await this.#send(query.sql, query.parameters);
    return resultOf<Row>(result);
  }

  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new AppError("internal", "a result is read at once: a stream would hold the only connection");
  }

  keepPart(): Promise<void> {
    this.#isInPart = false;
    if (!this.#hasSavepoint) return this.#ended;
    this.#hasSavepoint = false;
    const kept = this.#send(KEEP_PART).then(
      () => undefined,
      async (failure: unknown) => {
        this.#log.forgetNumbers();
        await this.#undo();
        throw failure;
      },
    );
    // The next part does not begin before: it would fail with this one.
    this.#ended = kept.catch(() => undefined);
    return kept;
  }

  async undoPart(): Promise<void> {
    await this.#ended;
    this.#isInPart = false;
    if (!this.#hasSavepoint) return;
    this.#hasSavepoint = false;
    // What is none of the work's doing makes the whole group run again.
    if (this.#failure !== null && (this.isLost || isRetryable(this.#failure))) throw this.#failure;
    await this.#undo();
  }

  async commit(): Promise<void> {
    await this.#ended;
    if (!this.#isBegun) return;
    const mark: TransactionMark = { nodeId: this.#nodeId, id: randomUUID() };
    if (this.#isChanged) this.#follow(this.#send(LOG_COMMIT, this.#log.parameters(mark.nodeId, mark.id)));
    let result: PostgresResult;
    try {
      result = await this.#send("commit");
    } catch (error) {
      if (!this.isLost) this.#isBegun = false;
      else if (!this.#isChanged) return;
      else return await this.#settle(mark, error);
      throw error;
    }
    this.#isBegun = false;
    // PostgreSQL answers the commit of a failed transaction with its rollback, and no error.
    if (result.command !== "COMMIT") {
      throw this.#failure ?? new AppError("internal", "the database rolled the transaction back");
    }
  }

  /** Never rejects: what made the transaction fail is to be told, not this. */
  async rollback(): Promise<void> {
    await this.#ended;
    if (this.#isBegun && !this.isLost) await this.#send("rollback").catch(() => undefined);
  }

  /** The connection was lost while it committed. */
  async #settle(mark: TransactionMark, lost: unknown): Promise<void> {
    const outcome = await this.#outcomeOf(mark);
    if (outcome === "committed") return;
    if (outcome === "aborted") throw lost;
    throw new AppError(
      "unavailable",
      "the database was lost while it committed: it is not known whether the change was made. Look, or repeat the request with its " +
        "Idempotency-Key",
      { reason: "outcome_unknown", retryAfterSeconds: 2, cause: lost },
    );
  }

  #openPart(): void {
    if (!this.#isBegun) {
      this.#isBegun = true;
      this.#follow(this.#send(BEGIN));
      this.#follow(
        this.#send(`select pg_advisory_xact_lock(${WRITE_LOCK})`).then(() => {
          this.#hasBegun = true;
        }),
      );
    }
    if (this.#isInPart && !this.#hasSavepoint) {
      this.#hasSavepoint = true;
      this.#follow(this.#send("savepoint part"));
    }
  }

  async #undo(): Promise<void> {
    await this.#send("rollback to savepoint part");
    this.#failure = null;
    await this.#send("release savepoint part");
  }

  /** Its failure is told by a later statement. */
  #follow(sent: Promise<unknown>): void {
    sent.catch(() => undefined);
  }

  async #send(sql: string, parameters?: readonly unknown[]): Promise<PostgresResult> {
    if (this.#session === null) throw new AppError("internal", "a statement without a connection");
    try {
      return await this.#session.send(sql, parameters);
    } catch (thrown) {
      const failure = thrown as AppError;
      if (AFTER_FAILURE.includes(stateOf(failure)) && this.#failure !== null) throw this.#failure;
      this.#failure ??= failure;
      throw failure;
    }
  }
}
