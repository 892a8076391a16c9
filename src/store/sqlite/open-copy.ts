import Database from "better-sqlite3";
import { Kysely } from "kysely";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { createReader } from "../queries/reader.js";
import type { Schema } from "../schema.js";
import type { Reader } from "../store.js";
import type { SqliteOptions } from "./connect.js";
import { SqliteDialect } from "./dialect.js";
import { SqliteDriver } from "./driver.js";
import { sqliteError } from "./errors.js";
import { LocalChannel } from "./local-channel.js";
import { openSqliteStore } from "./open.js";

/** Errors of `integrity_check` that are named: one is enough to refuse a file. */
const MAX_ERRORS = 3;

/** The counted tables, by the name in a backup's manifest. */
const COUNTED = {
  organizations: "select count(*) from organizations",
  projects: "select count(*) from projects where deleted_at is null",
  environments: "select count(*) from environments where deleted_at is null",
  bundles: "select count(*) from bundles",
  deployments: "select count(*) from deployments",
  tokens: "select count(*) from tokens",
  webhooks: "select count(*) from webhooks where deleted_at is null",
  pending_deliveries: "select count(*) from deliveries where state = 'pending'",
  audit_events: "select count(*) from audit_events",
} as const;

/** A copied database that nobody writes to; this thread is blocked while it is read. */
export interface DatabaseCopy extends AsyncDisposable {
  /** Knows the newest schema only. */
  readonly read: Reader;
  /** Rows, by noun. */
  counts(): Readonly<Record<keyof typeof COUNTED, number>>;
}

/**
 * The migrations of a copied database, after SQLite's own check of every page. Throws `data_loss` for a damaged one, and for a file
 * that is no database of Signet.
 */
export function checkPages(options: SqliteOptions): readonly string[] {
  const database = openFile(options);
  try {
    const found = database.prepare<[], string>(`pragma integrity_check(${MAX_ERRORS})`).pluck().all();
    if (found.join() !== "ok") throw damaged(found.join("; "));
    return database.prepare<[], string>("select name from kysely_migration order by name").pluck().all();
  } catch (error) {
    throw error instanceof AppError ? error : damaged(sqliteError(error).message, error);
  } finally {
    database.close();
  }
}

/** Brings a copied database to the newest schema. Throws `conflict` for one of a newer release, and as openSqliteStore does. */
export async function migrateCopy(options: SqliteOptions): Promise<void> {
  await using store = await openSqliteStore(options);
  await store.ping();
}

/** Opens a copied database of the newest schema to read it. */
export function openCopy(options: SqliteOptions): DatabaseCopy {
  const database = openFile(options);
  const driver = new SqliteDriver(new LocalChannel(database));
  return {
    read: createReader(new Kysely<Schema>({ dialect: new SqliteDialect(driver) })),
    counts: () => {
      const count = (sql: string) => database.prepare<[], number>(sql).pluck().get() ?? 0;
      return Object.fromEntries(Object.entries(COUNTED).map(([noun, sql]) => [noun, count(sql)])) as Record<
        keyof typeof COUNTED,
        number
      >;
    },
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

function openFile({ file, nativeBinding }: SqliteOptions): Database.Database {
  const binding = defined({ nativeBinding });
  try {
    return new Database(file, { readonly: true, fileMustExist: true, ...binding });
  } catch (error) {
    throw sqliteError(error);
  }
}

function damaged(how: string, cause?: unknown): AppError {
  return new AppError("data_loss", `the database of the backup is damaged: ${how}`, { cause });
}
