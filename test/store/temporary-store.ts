import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import pg from "pg";
import { afterEach, beforeEach } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/open.js";
import type { PostgresStore } from "../../src/store/postgres/store.js";
import { openSqliteStore } from "../../src/store/sqlite/open.js";
import type { Store, Writer } from "../../src/store/store.js";
import { testDatabase, type DatabaseTemplate, type TestDatabase } from "../support/postgres/test-database.js";

/** A directory for each test of a file, removed after it. */
export function useDirectory(): { readonly path: string } {
  const current = { path: "" };
  beforeEach(async () => {
    current.path = await mkdtemp(path.join(tmpdir(), "signet-store-"));
  });
  afterEach(async () => {
    await rm(current.path, { recursive: true, force: true });
  });
  return current;
}

/** A new store for each test of a file, closed and removed after it: SQLite, or PostgreSQL in the project of that name. */
export function useStore(): TemporaryStore {
  const current = onPostgres ? new TemporaryPostgres() : new TemporarySqlite();
  beforeEach(() => current.open());
  afterEach(() => current.remove());
  return current;
}

/** Whether this run of the tests is the one on PostgreSQL. */
export const onPostgres = process.env.SIGNET_TEST_STORE === "postgres";

abstract class TemporaryStore {
  store!: Store;

  /** Of SQLite alone. */
  abstract get file(): string;
  /** A statement past the store. Rejects with the database's own error. */
  abstract raw(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  abstract open(): Promise<void>;
  abstract reopen(): Promise<void>;
  abstract remove(): Promise<void>;

  get read() {
    return this.store.read;
  }

  write<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    return this.store.write(work);
  }
}

class TemporarySqlite extends TemporaryStore {
  #directory = "";

  get file(): string {
    return path.join(this.#directory, "signet.db");
  }

  async raw(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const database = new Database(this.file);
    try {
      const prepared = database.prepare<[], Record<string, unknown>>(statement);
      if (prepared.reader) return prepared.all();
      prepared.run();
      return [];
    } finally {
      database.close();
    }
  }

  async open(): Promise<void> {
    this.#directory = await mkdtemp(path.join(tmpdir(), "signet-store-"));
    await this.#open();
  }

  async reopen(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#open();
  }

  async remove(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    this.store = await openSqliteStore({ file: this.file });
  }
}

/** A copy of a database with the newest schema, which is made once in a run. */
export const MIGRATED: DatabaseTemplate = {
  name: "migrated",
  fill: async (url) => (await openOnPostgres(url))[Symbol.asyncDispose](),
};

/** A store on a test's database, as a node of its own. */
export async function openOnPostgres(url: string): Promise<PostgresStore> {
  const connection = { url, directUrl: null, ca: null, poolSize: 4, applicationName: "signet test" };
  return await openPostgresStore({ ...connection, nodeId: randomUUID() });
}

class TemporaryPostgres extends TemporaryStore {
  #database!: TestDatabase;

  get file(): string {
    throw new Error("no file: this test is of SQLite alone");
  }

  async raw(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client(this.#database.url);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  async open(): Promise<void> {
    this.#database = await testDatabase(MIGRATED);
    this.store = await openOnPostgres(this.#database.url);
  }

  async reopen(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    this.store = await openOnPostgres(this.#database.url);
  }

  async remove(): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}
