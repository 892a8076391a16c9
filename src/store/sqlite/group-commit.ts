import { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Schema } from "../schema.js";
import type { Writer } from "../store.js";
import { createWriter } from "../queries/writer.js";
import type { SqliteConnection } from "./connection.js";
import { SqliteDialect } from "./dialect.js";
import type { SqliteDriver } from "./driver.js";
import { closedError } from "./errors.js";
import { TransactionDriver } from "./transaction-driver.js";

/** Bounds of the groups and of the line before them. */
export interface GroupLimits {
  /** Works in one commit: a failed commit fails so many, and the first one waits for so many others. */
  readonly maxWorks: number;
  /** No work begins in a group this long after the first one did. */
  readonly maxMs: number;
  /** Works that wait for their group. */
  readonly maxWaiting: number;
  /** How long one of them waits at most. */
  readonly maxWaitMs: number;
}

/** The bounds of a server. */
export const GROUP_LIMITS: GroupLimits = { maxWorks: 64, maxMs: 25, maxWaiting: 2_000, maxWaitMs: 10_000 };

/** What to tell a caller after the commit. */
type Settlement = Promise<() => void>;

/** One caller's transaction. */
interface Job {
  readonly work: (tx: Writer) => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly askedMs: number;
}

/**
 * Runs transactions one after another, in the order of the calls, and commits together those that came in meanwhile: they share one
 * wait for the disk. Each is a savepoint, so that one that fails rolls back its own changes and no other's. Callers get
 * the result of theirs after the commit; when that fails, all of the group fail with its error.
 *
 * While the disk does not answer, transactions that have not begun are refused after a time, and new ones when too many wait. One that has
 * begun waits for the end: before that it is not known whether it was committed.
 *
 * What a database checks at the commit alone (deferred foreign keys) is checked for the group.
 *
 * Not a FairScheduler: how many run together is decided by the commit that they share, and each is refused by its age.
 */
export class GroupCommit {
  readonly #driver: SqliteDriver;
  readonly #limits: GroupLimits;
  readonly #waiting: Job[] = [];
  #draining: Promise<void> | null = null;
  #closed = false;
  #writer: OpenWriter | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(driver: SqliteDriver, limits = GROUP_LIMITS) {
    this.#driver = driver;
    this.#limits = limits;
  }

  /** As Store.write. Throws `unavailable` after `close` was called, and when too many wait. */
  run<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#waiting.length >= this.#limits.maxWaiting) return Promise.reject(tooSlow());
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (answer: unknown) => void, reject, askedMs: performance.now() });
      this.#timer ??= this.#startTimer(this.#limits.maxWaitMs);
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
    // No await since the queue was read: the next transaction starts a new drain.
    this.#draining = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #group(): Promise<void> {
    const settlements: Settlement[] = [];
    const jobs: Job[] = [];
    let hasBegun = false;
    try {
      const connection = await this.#driver.acquireConnection();
      try {
        connection.begin();
        await this.#runJobs(connection, jobs, settlements);
        await connection.commit();
      } catch (error) {
        hasBegun = connection.hasBegun;
        await this.#driver.rollbackTransaction(connection);
        throw error;
      } finally {
        await this.#driver.releaseConnection();
      }
    } catch (error) {
      // The database cannot be opened: all waiting transactions fail now, instead of each after a time-out.
      const failed = hasBegun ? jobs : [...jobs, ...this.#waiting.splice(0)];
      for (const { reject } of failed) reject(error);
      return;
    }
    for (const settle of await Promise.all(settlements)) settle();
  }

  async #runJobs(connection: SqliteConnection, jobs: Job[], settlements: Settlement[]): Promise<void> {
    const end = performance.now() + this.#limits.maxMs;
    while (jobs.length < this.#limits.maxWorks) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      jobs.push(job);
      const [settlement] = await this.#runOne(connection, job);
      settlements.push(settlement);
      if (performance.now() > end) return;
      // What is on its way on other connections comes in before the disk is waited for.
      if (this.#waiting.length === 0) await nextTurn();
    }
  }

  /** In a tuple, so that it is not waited for. Throws when the whole transaction is lost. */
  async #runOne(connection: SqliteConnection, { work, resolve, reject }: Job): Promise<readonly [Settlement]> {
    const open = (this.#writer ??= new OpenWriter(connection));
    connection.beginPart();
    try {
      const answer = await work(open.writer);
      // The next one begins meanwhile: the connection keeps to the order.
      return [
        connection.keepPart().then(
          () => () => resolve(answer),
          (error: unknown) => () => reject(error),
        ),
      ];
    } catch (error) {
      // Statements that the work did not wait for must not run in the next one's part.
      open.end();
      this.#writer = null;
      await connection.undoPart();
      return [Promise.resolve(() => reject(error))];
    }
  }

  #startTimer(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#refuseOld(), ms).unref();
  }

  /** They stand in the order in which they asked. */
  #refuseOld(): void {
    const { maxWaitMs } = this.#limits;
    const now = performance.now();
    while (this.#waiting[0] !== undefined && now - this.#waiting[0].askedMs >= maxWaitMs) {
      this.#waiting.shift()?.reject(tooSlow());
    }
    const [oldest] = this.#waiting;
    this.#timer = this.#startTimer(oldest === undefined ? maxWaitMs : oldest.askedMs + maxWaitMs - now);
  }
}

function tooSlow(): AppError {
  return new AppError("unavailable", "the disk of the database is too slow for the pending writes", {
    retryAfterSeconds: 1,
  });
}

/** The writer that works share, one after another; after one that failed a new writer is made. */
class OpenWriter {
  readonly writer: Writer;
  readonly #driver: TransactionDriver;

  constructor(connection: SqliteConnection) {
    this.#driver = new TransactionDriver(connection);
    this.writer = createWriter(new Kysely<Schema>({ dialect: new SqliteDialect(this.#driver) }));
  }

  end(): void {
    this.#driver.end();
  }
}
