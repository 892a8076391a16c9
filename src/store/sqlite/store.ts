import { randomUUID } from "node:crypto";
import { Kysely, sql } from "kysely";
import { AppError } from "../../core/error.js";
import { migrate, pendingSteps } from "../migrations/migrate.js";
import { createReader } from "../queries/reader.js";
import type { Schema } from "../schema.js";
import type { Reader, Store, Writer } from "../store.js";
import type { Channel, Space } from "./channel.js";
import { SqliteDialect } from "./dialect.js";
import { SqliteDriver } from "./driver.js";
import { GroupCommit, type GroupLimits } from "../transactions/group-commit.js";
import { createWriter } from "../queries/writer.js";
import type { SqliteConnection } from "./connection.js";
import { isDiskFailure, isFullDisk } from "./errors.js";
import { TAKEN_OVER } from "./commit-head.js";
import { sqliteMigrationDialect } from "./migration-dialect.js";

/** The bounds of the groups of a server. */
export const GROUP_LIMITS: GroupLimits = { maxWorks: 64, maxMs: 25, maxWaiting: 2_000, maxWaitMs: 10_000 };

/** Groups of writes on one SQLite connection. None is run again: what made it fail is the disk. */
export function sqliteGroups(driver: SqliteDriver, limits = GROUP_LIMITS): GroupCommit<SqliteConnection> {
  return new GroupCommit({
    ...{ driver, limits, isRepeatable: () => false, committed: () => undefined },
    openWriter: (statements) => ({
      writer: createWriter(new Kysely<Schema>({ dialect: new SqliteDialect(statements) })),
      worked: () => undefined,
    }),
    tooSlow: "the disk of the database is too slow for the pending writes",
  });
}

/**
 * The Store over two connections of one WAL database. `write` has the one that writes, one transaction after another, many to a
 * commit (GroupCommit). `read` has one of its own, so that it never waits for a writer and sees what was committed, and nothing else.
 *
 * The rows and the total of one list are two statements: a commit may fall between them.
 */
export class SqliteStore implements Store {
  readonly read: Reader;
  readonly lost: Promise<Error>;
  readonly #channel: Channel;
  readonly #writing: SqliteDriver;
  readonly #reading: SqliteDriver;
  readonly #groups: GroupCommit<SqliteConnection>;
  readonly #writeDb: Kysely<Schema>;
  readonly #readDb: Kysely<Schema>;
  #diskProblem: string | null = null;
  #tellLost: (reason: Error) => void = () => undefined;

  /** Takes both connections over: they are closed with the store. */
  constructor(writing: Channel, reading: Channel) {
    this.#channel = writing;
    this.#writing = new SqliteDriver(writing);
    this.#reading = new SqliteDriver(reading);
    this.#groups = sqliteGroups(this.#writing);
    this.#writeDb = new Kysely<Schema>({ dialect: new SqliteDialect(this.#writing) });
    this.#readDb = new Kysely<Schema>({ dialect: new SqliteDialect(this.#reading) });
    this.read = createReader(this.#readDb);
    this.lost = Promise.race([writing.lost, new Promise<Error>((resolve) => (this.#tellLost = resolve))]);
  }

  /** Why the last change could not be written to the disk; null when it could, and for a full one, which has a state of its own. */
  get diskProblem(): string | null {
    return this.#diskProblem;
  }

  /** As pendingSteps. */
  async pendingSteps(): Promise<readonly string[]> {
    return pendingSteps(this.#readDb, sqliteMigrationDialect);
  }

  async migrate(): Promise<void> {
    await migrate(this.#writeDb, sqliteMigrationDialect);
  }

  /** Makes this process the one that may write, and keeps the head file from now on. */
  async own(): Promise<void> {
    await this.#channel.run([{ op: "keep head", run: randomUUID() }]);
  }

  async write<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    try {
      const answer = await this.#groups.run(work);
      this.#diskProblem = null;
      return answer;
    } catch (error) {
      if (isDiskFailure(error) && !isFullDisk(error)) this.#diskProblem = error.message;
      if (error instanceof AppError && error.reason === TAKEN_OVER) this.#tellLost(error);
      throw error;
    }
  }

  /**
   * Moves the log into the database file, which gives its space back to the disk, and says how much the file has for new rows. While
   * the disk is tight, the log is then kept short. Waits for the transactions that were asked for before. Throws as `write` does.
   */
  async reclaim(isTight: boolean): Promise<Space> {
    await this.#writing.acquireConnection();
    try {
      const { rows } = await this.#channel.run([{ op: "reclaim", isTight }]);
      return rows[0] as Space;
    } finally {
      await this.#writing.releaseConnection();
    }
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#readDb);
  }

  /** Waits for the transactions that were asked for, moves the log into the database file, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const noMoreReads = this.#reading.close();
    await this.#groups.close();
    // The connection that writes goes last: only it can remove the log.
    await this.#writing.close(noMoreReads);
  }
}
