import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import pg from "pg";
import { openDataDirectory, type DataDirectory } from "../../src/server/database/data-directory.js";
import { openLastKeys, openSigningKeys } from "../../src/service/keys/key-files.js";
import { MIGRATED, onPostgres, openOnPostgres } from "../store/temporary-store.js";
import { testDatabase, type TestDatabase } from "../support/postgres/test-database.js";

type Row = Readonly<Record<string, unknown>>;

/** What the use cases of a test stand on: a store, and the keys in a directory. */
export type FixtureData = Pick<DataDirectory, "store" | "keys" | "lastKeys"> & AsyncDisposable;

/** The database of a fixture, which outlives its nodes: a file of SQLite, or a database of PostgreSQL in the project of that name. */
export interface FixtureDatabase {
  /** As a node starts on it. */
  open(): Promise<FixtureData>;
  /** A statement past the store, with `?` for values, which no trigger and no foreign key stops. Returns its rows. */
  tamper(statement: string, ...values: readonly (string | number)[]): Promise<readonly Row[]>;
  /** All that is kept, to look for what must not be: the file's bytes, or every row. */
  text(): Promise<string>;
  remove(): Promise<void>;
}

/** Makes one for a test that has this directory. */
export async function createFixtureDatabase(directory: string): Promise<FixtureDatabase> {
  return onPostgres ? new PostgresFixture(directory, await testDatabase(MIGRATED)) : new SqliteFixture(directory);
}

class SqliteFixture implements FixtureDatabase {
  constructor(private readonly directory: string) {}

  async open(): Promise<FixtureData> {
    return await openDataDirectory({
      path: this.directory,
      signingKey: null,
      synchronous: "normal",
      create: true,
      nativeDirectory: null,
    });
  }

  async tamper(statement: string, ...values: readonly (string | number)[]): Promise<readonly Row[]> {
    const database = new Database(join(this.directory, "signet.db"));
    try {
      database.pragma("foreign_keys = OFF");
      if (statement.includes(";")) {
        // Of more than one statement there is no result.
        dropTriggers(database);
        database.exec(statement);
        return [];
      }
      const prepared = database.prepare<unknown[], Row>(statement);
      if (prepared.reader) return prepared.all(...values);
      dropTriggers(database);
      database.prepare(statement).run(...values);
      return [];
    } finally {
      database.close();
    }
  }

  async text(): Promise<string> {
    return await readFile(join(this.directory, "signet.db"), "latin1");
  }

  async remove(): Promise<void> {}
}

/** Takes away what keeps others from changing the database of SQLite. */
export function dropTriggers(database: Database.Database): void {
  const triggers = database.prepare<[], { name: string }>("select name from sqlite_master where type = 'trigger'");
  for (const { name } of triggers.all()) database.exec(`drop trigger "${name}"`);
}

class PostgresFixture implements FixtureDatabase {
  #isNew = true;

  constructor(
    private readonly directory: string,
    private readonly database: TestDatabase,
  ) {}

  async open(): Promise<FixtureData> {
    const keys = openSigningKeys(this.directory, null, this.#isNew);
    const lastKeys = openLastKeys(this.directory);
    const store = await openOnPostgres(this.database.url);
    this.#isNew = false;
    return { store, keys, lastKeys, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  }

  async tamper(statement: string, ...values: readonly (string | number)[]): Promise<readonly Row[]> {
    const client = new pg.Client(this.database.adminUrl);
    await client.connect();
    try {
      await client.query("set session_replication_role = replica");
      let number = 0;
      const { rows } = await client.query<Row>(
        statement.replaceAll("?", () => `$${(number += 1)}`),
        [...values],
      );
      return rows;
    } finally {
      await client.end();
    }
  }

  async text(): Promise<string> {
    const [row] = await this.tamper("select schema_to_xml('public', true, false, '')::text as text");
    return String(row?.["text"]);
  }

  async remove(): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }
}
