import type { Database } from "better-sqlite3";
import { Kysely, sql } from "kysely";
import { migrate } from "../migrations/migrate.js";
import { createReader } from "../reader.js";
import type { Schema } from "../schema.js";
import type { Reader, Store, Writer } from "../store.js";
import { SqliteDialect } from "./dialect.js";
import { SqliteDriver } from "./driver.js";
import { GroupCommit } from "./group-commit.js";
import { sqliteMigrationDialect } from "./migration-dialect.js";

/**
 * The Store over two connections of one WAL database. `write` has the one that writes, one transaction after another, many to a
 * commit (GroupCommit). `read` has one of its own, so that it never waits for a writer and sees what was committed, and nothing else.
 *
 * The rows and the total of one list are two statements: a commit may fall between them.
 */
export class SqliteStore implements Store {
  readonly read: Reader;
  readonly #writing: SqliteDriver;
  readonly #reading: SqliteDriver;
  readonly #groups: GroupCommit;
  readonly #writeDb: Kysely<Schema>;
  readonly #readDb: Kysely<Schema>;

  /** Takes both connections over: they are closed with the store. */
  constructor(writing: Database, reading: Database) {
    this.#writing = new SqliteDriver(writing);
    this.#reading = new SqliteDriver(reading);
    this.#groups = new GroupCommit(this.#writing);
    this.#writeDb = new Kysely<Schema>({ dialect: new SqliteDialect(this.#writing) });
    this.#readDb = new Kysely<Schema>({ dialect: new SqliteDialect(this.#reading) });
    this.read = createReader(this.#readDb);
  }

  async migrate(): Promise<void> {
    await migrate(this.#writeDb, sqliteMigrationDialect);
  }

  write<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    return this.#groups.run(work);
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#readDb);
  }

  /** Waits for the transactions that were asked for, moves the log into the database file, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const noMoreReads = this.#reading.close();
    await this.#groups.close();
    await this.#writing.close(async (database) => {
      // The connection that writes goes last: only it can remove the log.
      await noMoreReads;
      database.pragma("wal_checkpoint(TRUNCATE)");
    });
  }
}
