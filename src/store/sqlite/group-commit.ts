import { setImmediate as nextTurn } from "node:timers/promises";
import { Kysely } from "kysely";
import type { Schema } from "../schema.js";
import type { Writer } from "../store.js";
import { createWriter } from "../writer.js";
import type { SqliteConnection } from "./connection.js";
import { SqliteDialect } from "./dialect.js";
import type { SqliteDriver } from "./driver.js";
import { closedError } from "./errors.js";
import { TurnDriver } from "./turn-driver.js";

/** Works in one commit: a failed commit fails so many, and the first one waits for so many others. */
const MAX_WORKS = 64;
/** No work begins in a group this long after the first one did: nobody waits much longer than for a commit of its own. */
const MAX_GROUP_MS = 25;

/** One caller's transaction. */
interface Job {
  readonly work: (tx: Writer) => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Runs the transactions that are asked for one after another, in that order, and commits together what came in meanwhile: the disk
 * is waited for once. Each is a savepoint, so that one that fails takes back its own changes and no other's. Callers hear of the
 * end of theirs, good or bad, after the commit; when that fails, all of the group fail with its error.
 *
 * What a database checks at the commit alone (deferred foreign keys) is checked for the group.
 */
export class GroupCommit {
  readonly #driver: SqliteDriver;
  readonly #waiting: Job[] = [];
  #draining: Promise<void> | null = null;
  #closed = false;
  #turn: Turn | null = null;

  constructor(driver: SqliteDriver) {
    this.#driver = driver;
  }

  /** As Store.write. Throws `unavailable` after `close` was called. */
  run<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (answer: unknown) => void, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Takes no more, and resolves when all that was asked for has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#group();
    // With no await since the look at the queue: who comes next starts a new drain.
    this.#draining = null;
  }

  async #group(): Promise<void> {
    const settlements: (() => void)[] = [];
    const jobs: Job[] = [];
    try {
      const connection = await this.#driver.acquireConnection();
      try {
        connection.begin();
        await this.#runJobs(connection, jobs, settlements);
        connection.commit();
      } catch (error) {
        await this.#driver.rollbackTransaction(connection);
        throw error;
      } finally {
        await this.#driver.releaseConnection();
      }
    } catch (error) {
      // Before the first one ran, the database let nobody in: all who wait hear so now, instead of each after a time-out.
      const failed = jobs.length > 0 ? jobs : this.#waiting.splice(0);
      for (const { reject } of failed) reject(error);
      return;
    }
    for (const settle of settlements) settle();
  }

  async #runJobs(connection: SqliteConnection, jobs: Job[], settlements: (() => void)[]): Promise<void> {
    const end = performance.now() + MAX_GROUP_MS;
    while (jobs.length < MAX_WORKS) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      jobs.push(job);
      settlements.push(await this.#runOne(connection, job));
      if (performance.now() > end) return;
      // What is on its way on other connections comes in before the disk is waited for.
      if (this.#waiting.length === 0) await nextTurn();
    }
  }

  /** Returns what to tell the caller after the commit; throws when the whole transaction is lost. */
  async #runOne(connection: SqliteConnection, { work, resolve, reject }: Job): Promise<() => void> {
    const turn = (this.#turn ??= new Turn(connection));
    connection.savepoint();
    try {
      const answer = await work(turn.writer);
      connection.release();
      return () => resolve(answer);
    } catch (error) {
      // Statements that the work did not wait for must not run in the next one's savepoint.
      turn.end();
      this.#turn = null;
      connection.rollbackToSavepoint();
      return () => reject(error);
    }
  }
}

/** The writer of one work after another; after a work that failed a new one is made. */
class Turn {
  readonly writer: Writer;
  readonly #driver: TurnDriver;

  constructor(connection: SqliteConnection) {
    this.#driver = new TurnDriver(connection);
    this.writer = createWriter(new Kysely<Schema>({ dialect: new SqliteDialect(this.#driver) }));
  }

  end(): void {
    this.#driver.end();
  }
}
