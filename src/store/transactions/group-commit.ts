import type { DatabaseConnection, Driver } from "kysely";
import { AppError } from "../../core/error.js";
import { nextTurn } from "../../core/schedule/in-steps.js";
import type { Writer } from "../store.js";
import { TransactionDriver } from "./transaction-driver.js";

/** A connection with one transaction, whose parts (savepoints) can be taken back alone. */
export interface GroupConnection extends DatabaseConnection {
  /** Whether the transaction has begun in the database. */
  readonly hasBegun: boolean;
  /** Begins the transaction, with the first statement at the latest. */
  begin(): void;
  /** Begins a part. There is one at a time. */
  beginPart(): void;
  /** Keeps the part; a next one can begin at once. Rejects when a statement failed: the part is taken back then. */
  keepPart(): Promise<void>;
  /** Takes the part back. Rejects when the whole transaction is lost. */
  undoPart(): Promise<void>;
  /** Resolves when the transaction is durable. Rejects when it is not, or may not be. */
  commit(): Promise<void>;
}

/** Hands out the connection that writes, to one group at a time. */
export interface GroupDriver<Connection extends GroupConnection = GroupConnection> {
  acquireConnection(): Promise<Connection>;
  /** Never rejects. */
  rollbackTransaction(connection: Connection): Promise<void>;
  releaseConnection(connection: Connection): Promise<void>;
}

/** The writer that works share, one after another; after one that failed a new one is made. */
export interface GroupWriter {
  readonly writer: Writer;
  /** Called after each work that went through, before its part ends. */
  worked(): void;
}

/** How groups of one kind of database differ from those of another one. */
export interface GroupOptions<Connection extends GroupConnection> {
  readonly driver: GroupDriver<Connection>;
  readonly limits: GroupLimits;
  /** Makes a writer whose statements go to this driver. */
  readonly openWriter: (driver: Driver) => GroupWriter;
  /** Why works are refused that wait for too long. */
  readonly tooSlow: string;
  /** Whether nothing was committed for sure and the group may run again; its works have no effect but on their transaction. */
  readonly isRepeatable: (error: unknown) => boolean;
  /** Called after each commit, before the next group begins and before callers are answered. */
  readonly committed: () => void;
}

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

/** So often a group is run again before its works fail. */
const MAX_REPEATS = 4;

/** What to tell a caller after the commit. */
type Settlement = Promise<() => void>;

/** One caller's transaction. */
interface Job {
  readonly work: (tx: Writer) => Promise<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly askedMs: number;
  repeats: number;
}

/**
 * Runs transactions one after another, in the order of the calls, and commits together those that came in meanwhile: they share one
 * wait for the disk. Each is a savepoint, so that one that fails rolls back its own changes and no other's. Callers get
 * the result of theirs after the commit; when that fails, all of the group fail with its error.
 *
 * While the disk does not answer, transactions that have not begun are refused after a time, and new ones when too many wait. One that has
 * begun waits for the end: before that it is not known whether it was committed.
 *
 * What a database checks at the commit alone (deferred foreign keys of SQLite) is checked for the group.
 *
 * Not a FairScheduler: how many run together is decided by the commit that they share, and each is refused by its age.
 */
export class GroupCommit<Connection extends GroupConnection> {
  readonly #options: GroupOptions<Connection>;
  readonly #waiting: Job[] = [];
  #draining: Promise<void> | null = null;
  #closed = false;
  #open: (GroupWriter & { end(): void }) | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: GroupOptions<Connection>) {
    this.#options = options;
  }

  /** As Store.write. Throws `unavailable` after `close` was called, and when too many wait. */
  run<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new AppError("unavailable", "the database is closed"));
    const { maxWaiting, maxWaitMs } = this.#options.limits;
    if (this.#waiting.length >= maxWaiting) return Promise.reject(this.#tooSlow());
    return new Promise<T>((resolve, reject) => {
      const settle = { resolve: resolve as (answer: unknown) => void, reject };
      this.#waiting.push({ work, ...settle, askedMs: performance.now(), repeats: 0 });
      this.#timer ??= this.#startTimer(maxWaitMs);
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
    const { driver } = this.#options;
    try {
      const connection = await driver.acquireConnection();
      try {
        connection.begin();
        await this.#runJobs(connection, jobs, settlements);
        await connection.commit();
        this.#options.committed();
      } catch (error) {
        hasBegun = connection.hasBegun;
        this.#endWriter();
        await driver.rollbackTransaction(connection);
        throw error;
      } finally {
        await driver.releaseConnection(connection);
      }
    } catch (error) {
      if (this.#repeats(jobs, error)) return;
      // The database cannot be opened: all waiting transactions fail now, instead of each after a time-out.
      const failed = hasBegun ? jobs : [...jobs, ...this.#waiting.splice(0)];
      for (const { reject } of failed) reject(error);
      return;
    }
    for (const settle of await Promise.all(settlements)) settle();
  }

  /** Puts the group back to the front of the line, if it may run again. */
  #repeats(jobs: readonly Job[], error: unknown): boolean {
    if (jobs.length === 0 || !this.#options.isRepeatable(error)) return false;
    if (jobs.some(({ repeats }) => repeats >= MAX_REPEATS)) return false;
    for (const job of jobs) job.repeats += 1;
    this.#waiting.unshift(...jobs);
    return true;
  }

  async #runJobs(connection: Connection, jobs: Job[], settlements: Settlement[]): Promise<void> {
    const { maxMs, maxWorks } = this.#options.limits;
    const end = performance.now() + maxMs;
    while (jobs.length < maxWorks) {
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
  async #runOne(connection: Connection, { work, resolve, reject }: Job): Promise<readonly [Settlement]> {
    const open = (this.#open ??= this.#openWriter(connection));
    connection.beginPart();
    try {
      const answer = await work(open.writer);
      open.worked();
      // The next one begins meanwhile: the connection keeps to the order.
      return [
        connection.keepPart().then(
          () => () => resolve(answer),
          (error: unknown) => () => reject(error),
        ),
      ];
    } catch (error) {
      // Statements that the work did not wait for must not run in the next one's part.
      this.#endWriter();
      await connection.undoPart();
      return [Promise.resolve(() => reject(error))];
    }
  }

  #openWriter(connection: Connection): GroupWriter & { end(): void } {
    const driver = new TransactionDriver(connection);
    return { ...this.#options.openWriter(driver), end: () => driver.end() };
  }

  #endWriter(): void {
    this.#open?.end();
    this.#open = null;
  }

  #startTimer(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#refuseOld(), ms).unref();
  }

  /** They stand in the order in which they asked. */
  #refuseOld(): void {
    const { maxWaitMs } = this.#options.limits;
    const now = performance.now();
    while (this.#waiting[0] !== undefined && now - this.#waiting[0].askedMs >= maxWaitMs) {
      this.#waiting.shift()?.reject(this.#tooSlow());
    }
    const [oldest] = this.#waiting;
    this.#timer = this.#startTimer(oldest === undefined ? maxWaitMs : oldest.askedMs + maxWaitMs - now);
  }

  #tooSlow(): AppError {
    return new AppError("unavailable", this.#options.tooSlow, { retryAfterSeconds: 1 });
  }
}
