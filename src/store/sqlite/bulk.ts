import Database from "better-sqlite3";
import { Kysely } from "kysely";
import { defined } from "../../core/defined.js";
import { AppError } from "../../core/error.js";
import { MAX_BATCH_LENGTH, MAX_BATCH_ROWS, type BulkTarget, type Cell, type Rows } from "../bulk.js";
import { createReader } from "../queries/reader.js";
import { createWriter } from "../queries/writer.js";
import type { Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";
import type { NamedTable } from "../tables.js";
import { connectToRead, type SqliteOptions } from "./connect.js";
import { SqliteDialect } from "./dialect.js";
import { SqliteDriver } from "./driver.js";
import { sqliteError } from "./errors.js";
import { flush } from "./flush.js";
import { recordOf } from "./head-file.js";
import { LocalChannel } from "./local-channel.js";

/** Pages kept in memory while indexes are filled, KiB. */
const CACHE_KIB = 256 * 1024;

/**
 * All rows of a SQLite database of the newest schema, which nobody else uses meanwhile. Blocks its thread for each batch. Every failure is
 * an AppError.
 */
export class SqliteBulk implements BulkTarget, AsyncDisposable {
  /** For marks (move-mark.ts), each statement for itself unless inside of `transaction`. */
  readonly db: Kysely<Schema>;
  readonly read: Reader;
  readonly #database: Database.Database;
  readonly #driver: SqliteDriver;

  private constructor(database: Database.Database) {
    this.#database = database;
    this.#driver = new SqliteDriver(new LocalChannel(database));
    this.db = new Kysely<Schema>({ dialect: new SqliteDialect(this.#driver) });
    this.read = createReader(this.db);
  }

  /** One snapshot of a database, to read it. */
  static openToRead(options: SqliteOptions): SqliteBulk {
    const database = connectToRead(options);
    database.exec("begin");
    return new SqliteBulk(database);
  }

  /** A database for changes that are durable when they return. */
  static openToWrite({ file, nativeBinding }: SqliteOptions): SqliteBulk {
    const database = connect(file, nativeBinding);
    database.pragma("synchronous = full");
    return new SqliteBulk(database);
  }

  /**
   * A database that is filled at once and thrown away when that fails: nothing of it is durable before `seal`, and foreign keys are checked
   * there.
   */
  static openToFill({ file, nativeBinding }: SqliteOptions): SqliteBulk {
    const database = connect(file, nativeBinding);
    database.pragma("journal_mode = OFF");
    database.pragma("synchronous = OFF");
    database.pragma("foreign_keys = OFF");
    database.pragma("temp_store = MEMORY");
    database.pragma(`cache_size = -${CACHE_KIB}`);
    return new SqliteBulk(database);
  }

  /** Which database it is: see commit-head.ts. */
  get databaseId(): string {
    return recordOf(this.#database)?.databaseId ?? "";
  }

  async columns(table: string): Promise<readonly string[]> {
    return this.#run(() =>
      this.#database
        .prepare<[string], string>("select name from pragma_table_xinfo(?) where hidden = 0 order by name")
        .pluck()
        .all(table),
    );
  }

  async count(table: string): Promise<number> {
    return this.#run(() => this.#database.prepare<[], number>(`select count(*) from "${table}"`).pluck().get() ?? 0);
  }

  async *batches({ name, key }: NamedTable, columns: readonly string[]): AsyncIterable<Rows> {
    const sql = `select ${list(columns)} from "${name}" order by ${list(key)}`;
    const statement = this.#run(() => this.#database.prepare<[], Cell[]>(sql).raw());
    const rows = this.#run(() => statement.iterate());
    try {
      for (;;) {
        const batch = this.#run(() => nextBatch(rows));
        if (batch.length === 0) return;
        yield batch;
      }
    } finally {
      rows.return?.();
    }
  }

  async lastNumber(table: string): Promise<number> {
    const sql = "select seq from sqlite_sequence where name = ?";
    return this.#run(() => this.#database.prepare<[string], number>(sql).pluck().get(table) ?? 0);
  }

  async setLastNumber(table: string, _column: string, number: number): Promise<void> {
    this.#run(() => {
      const { changes } = this.#database
        .prepare("update sqlite_sequence set seq = ? where name = ?")
        .run(number, table);
      if (changes === 0 && number > 0)
        this.#database.prepare("insert into sqlite_sequence (name, seq) values (?, ?)").run(table, number);
    });
  }

  async insert(table: string, columns: readonly string[], rows: Rows): Promise<void> {
    this.#run(() => {
      const values = columns.map(() => "?").join(", ");
      const statement = this.#database.prepare(`insert into "${table}" (${list(columns)}) values (${values})`);
      this.#database.exec("begin");
      for (const row of rows) statement.run(...row);
      this.#database.exec("commit");
    });
  }

  /** Checks foreign keys and every page, makes it a WAL database as servers use it, and durable. */
  seal(): void {
    this.#run(() => {
      const [broken] = this.#database.pragma("foreign_key_check") as readonly { readonly table: string }[];
      if (broken !== undefined)
        throw new AppError("data_loss", `a row of ${broken.table} refers to one that is not there`);
      const found = this.#database.pragma("integrity_check(1)", { simple: true });
      if (found !== "ok") throw new AppError("data_loss", `the database is damaged: ${String(found)}`);
      this.#database.pragma("synchronous = FULL");
      this.#database.pragma("journal_mode = WAL");
      this.#database.pragma("wal_checkpoint(TRUNCATE)");
      flush(this.#database.name);
    });
  }

  /** Runs `work` in a durable transaction with the other user of this connection being nobody. Takes it back when it throws. */
  async transaction(work: (tx: Writer, db: Kysely<Schema>) => Promise<void>): Promise<void> {
    this.#run(() => this.#database.exec("begin immediate"));
    try {
      await work(createWriter(this.db), this.db);
      this.#run(() => this.#database.exec("commit"));
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec("rollback");
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver.close();
  }

  #run<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw sqliteError(error);
    }
  }
}

function nextBatch(rows: Iterator<Cell[]>): Rows {
  const batch: Cell[][] = [];
  let length = 0;
  while (batch.length < MAX_BATCH_ROWS && length < MAX_BATCH_LENGTH) {
    const next: IteratorResult<Cell[], unknown> = rows.next();
    if (next.done === true) break;
    const row = next.value;
    for (const cell of row) length += typeof cell === "string" ? cell.length : 8;
    batch.push(row);
  }
  return batch;
}

function connect(file: string, nativeBinding: string | undefined): Database.Database {
  try {
    return new Database(file, { fileMustExist: true, ...defined({ nativeBinding }) });
  } catch (error) {
    throw sqliteError(error);
  }
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
