import { chmod, open } from "node:fs/promises";
import { AppError } from "../../core/error.js";
import type { Store } from "../store.js";
import { connectToRead, connectToWrite, type SqliteOptions } from "./connect.js";
import { SqliteStore } from "./store.js";

export type { SqliteOptions } from "./connect.js";

/**
 * Opens a database, readable for its owner only (mode 0600), and brings it to the newest schema. Disposing of the store waits for
 * the writes that were asked for, and leaves one file with everything in it.
 *
 * Throws `unavailable` when the file cannot be opened or is busy, `conflict` when it is from a newer release, and `internal` when
 * it is not a database. Nothing stays open then.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  await createPrivately(options.file);
  const store = connect(options);
  try {
    await store.migrate();
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

function connect(options: SqliteOptions): SqliteStore {
  const writing = connectToWrite(options);
  try {
    return new SqliteStore(writing, connectToRead(options));
  } catch (error) {
    writing.close();
    throw error;
  }
}

async function createPrivately(file: string): Promise<void> {
  try {
    // SQLite gives the files beside it the mode of this one. An existing file is not opened here: closing it would drop the locks
    // that this process holds on it.
    const created = await open(file, "ax", 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await created?.close();
    await chmod(file, 0o600);
  } catch (error) {
    throw new AppError("unavailable", `cannot open the database ${file}`, { cause: error });
  }
}
