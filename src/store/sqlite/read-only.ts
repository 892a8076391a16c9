import { readFileSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { Kysely } from "kysely";
import { AppError } from "../../core/error.js";
import { formatBytes } from "../../core/printable.js";
import { isNewest } from "../migrations/migrate.js";
import { createReader } from "../queries/reader.js";
import type { Schema } from "../schema.js";
import type { Store } from "../store.js";
import { connectToRead, type SqliteOptions } from "./connect.js";
import { SqliteDialect } from "./dialect.js";
import { SqliteDriver } from "./driver.js";
import { LocalChannel } from "./local-channel.js";
import { sqliteMigrationDialect } from "./migration-dialect.js";

/** A database that is copied into memory, where its file system takes not even a lock, is this large at most. */
const MAX_COPIED_BYTES = 512 * 1024 * 1024;
const MIB = 1024 * 1024;
/** What the log grows to before SQLite moves it into the database file, and as much again for that. */
const LOG_BYTES = 32 * MIB;

/** A database that can be read on a disk that cannot be written to. */
export interface ReadOnlyDatabase {
  readonly store: Store;
  readonly database: Database.Database;
}

/**
 * Opens a database only to read it. Every change is refused with `unavailable` and `reason`. Null when it cannot be read either, or
 * needs a migration.
 */
export async function openReadOnly(options: SqliteOptions, reason: string): Promise<ReadOnlyDatabase | null> {
  const database = connectSomehow(options);
  if (database === null) return null;
  const driver = new SqliteDriver(new LocalChannel(database));
  const db = new Kysely<Schema>({ dialect: new SqliteDialect(driver) });
  const hasNewest = await isNewest(db, sqliteMigrationDialect).catch(async (error: unknown) => {
    await driver.close();
    throw error;
  });
  if (!hasNewest) {
    await driver.close();
    return null;
  }
  const refused = async () => Promise.reject(new AppError("unavailable", `read-only: ${reason}`));
  const store: Store = {
    read: createReader(db),
    write: refused,
    ping: async () => void (await db.selectNoFrom((eb) => eb.lit(1).as("one")).execute()),
    [Symbol.asyncDispose]: () => driver.close(),
  };
  return { store, database };
}

/** Tells the operator how much space is free, and how much is needed. */
export function roomFor(file: string): string {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    const needed = sizeOf(`${file}-wal`) + LOG_BYTES;
    return `${formatBytes(bavail * bsize)} are free beside it, ${formatBytes(needed)} are needed`;
  } catch {
    return "make room beside it";
  }
}

function connectSomehow(options: SqliteOptions): Database.Database | null {
  for (const connect of [connectToRead, connectAlone, copyIntoMemory]) {
    let database: Database.Database | undefined;
    try {
      database = connect(options);
      database.prepare("select count(*) from sqlite_master").get();
      return database;
    } catch {
      // The next way asks less of the disk.
      database?.close();
    }
  }
  return null;
}

/** With the index of the log in memory: a full disk has no space for its file. */
function connectAlone({ file, nativeBinding }: SqliteOptions): Database.Database {
  const database = new Database(file, { timeout: 0, fileMustExist: true, ...bindingOf(nativeBinding) });
  database.pragma("locking_mode = EXCLUSIVE");
  database.pragma("query_only = ON");
  return database;
}

/** A database that was closed as it should be, on a file system where nothing can be made or locked. */
function copyIntoMemory({ file, nativeBinding }: SqliteOptions): Database.Database {
  if (sizeOf(`${file}-wal`) > 0) throw new AppError("unavailable", "its log cannot be read");
  if (sizeOf(file) > MAX_COPIED_BYTES) throw new AppError("unavailable", "it is too large for the memory");
  const bytes = readFileSync(file);
  // The header says that there is a log, which a database in memory cannot have (https://sqlite.org/fileformat2.html, 1.3.3).
  bytes.fill(1, 18, 20);
  return new Database(bytes, { readonly: true, ...bindingOf(nativeBinding) });
}

function bindingOf(nativeBinding: string | undefined) {
  return nativeBinding === undefined ? {} : { nativeBinding };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
