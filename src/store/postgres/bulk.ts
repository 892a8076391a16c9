import { Kysely } from "kysely";
import type { ClientBase } from "pg";
import { AppError } from "../../core/error.js";
import { MAX_BATCH_LENGTH, MAX_BATCH_ROWS, type BulkTarget, type Cell, type Rows } from "../bulk.js";
import { createReader } from "../queries/reader.js";
import { createWriter } from "../queries/writer.js";
import type { Schema } from "../schema.js";
import type { Reader, Writer } from "../store.js";
import type { NamedTable } from "../tables.js";
import { TransactionDriver } from "../transactions/transaction-driver.js";
import { createPools, type DirectClient, type Pools } from "./connect.js";
import { databaseName } from "./database-url.js";
import { PostgresDialect } from "./dialect.js";
import { postgresError, stateOf } from "./errors.js";
import { migratePostgres } from "./migrate.js";
import type { ConnectionNotice, PostgresOptions } from "./options.js";
import { Session, WRITE_LOCK } from "./session.js";

/** How long the lock of all writes is waited for: longer than any write has it. */
const LOCK_WAIT = "30s";

/** The time-outs that would end a long transaction; not every server has all of them. */
const NO_TIME_OUTS = `select set_config(name, '0', true) from pg_settings
  where name in ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`;

/**
 * All rows of a PostgreSQL database, on one connection past a pooler. `begin` takes the lock of all writes, so that no node writes until
 * the transaction ends. Every failure is an AppError.
 */
export class PostgresBulk implements BulkTarget, AsyncDisposable {
  /** For marks (move-mark.ts). */
  readonly db: Kysely<Schema>;
  /** Sees what the transaction has written. */
  readonly read: Reader;
  readonly #pools: Pools;
  readonly #client: DirectClient;
  readonly #session: Session;
  readonly #types = new Map<string, ReadonlyMap<string, string>>();

  private constructor(
    /** Which database it is, for a person: no secrets. */
    readonly name: string,
    pools: Pools,
    client: DirectClient,
  ) {
    this.#pools = pools;
    this.#client = client;
    this.#session = new Session(client);
    this.db = new Kysely<Schema>({ dialect: new PostgresDialect(new TransactionDriver(this.#session)) });
    this.read = createReader(this.db);
  }

  /** Connects; changes nothing. Throws `invalid` and `unavailable` as openPostgresStore does. */
  static async open(
    options: PostgresOptions,
    onNotice: (notice: ConnectionNotice) => void = () => undefined,
  ): Promise<PostgresBulk> {
    const pools = createPools(options, onNotice);
    try {
      await pools.check();
      return new PostgresBulk(
        `the PostgreSQL database ${databaseName(options.url)}`,
        pools,
        await pools.connectDirect(),
      );
    } catch (error) {
      await pools[Symbol.asyncDispose]();
      throw postgresError(error);
    }
  }

  /** Brings it to the newest schema, in a transaction of its own. Throws as migratePostgres. */
  async migrate(): Promise<void> {
    await migratePostgres(this.#client, () => undefined);
  }

  /** Writes in the transaction that `begin` began. */
  get writer(): Writer {
    return createWriter(this.db);
  }

  async hasRows(table: string): Promise<boolean> {
    const { rows } = await this.#session.send(`select exists (select from "${table}") as has`);
    return (rows as readonly { readonly has: boolean }[])[0]?.has === true;
  }

  /** Begins a transaction without time-outs that no node writes in. Throws `conflict` while one does. */
  async begin(): Promise<void> {
    await this.#session.send("begin");
    await this.#session.send(NO_TIME_OUTS);
    await this.#session.send(`select set_config('lock_timeout', '${LOCK_WAIT}', true)`);
    try {
      await this.#session.send(`select pg_advisory_xact_lock(${WRITE_LOCK})`);
    } catch (error) {
      if (stateOf(error) !== "55P03") throw error;
      const message = "a server, or another migration, writes to the database: stop it first";
      throw new AppError("conflict", message, { cause: error });
    }
  }

  async commit(): Promise<void> {
    const { command } = await this.#session.send("commit");
    if (command !== "COMMIT") throw new AppError("internal", "the database rolled the transaction back");
  }

  /** Never rejects. */
  async rollback(): Promise<void> {
    await this.#session.send("rollback").catch(() => undefined);
  }

  /** Runs `work` between `begin` and `commit`; rolls back when it throws. */
  async transaction(work: (tx: Writer, db: Kysely<Schema>) => Promise<void>): Promise<void> {
    try {
      await this.begin();
      await work(this.writer, this.db);
      await this.commit();
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  /** Which database it is: the id that its migrations gave it. */
  async databaseId(): Promise<string> {
    const { rows } = await this.#session.send("select database_id from commit_head");
    return (rows as readonly { readonly database_id: string }[])[0]?.database_id ?? "";
  }

  /** Removes all rows of tables, past the triggers that keep events. */
  async empty(tables: readonly string[]): Promise<void> {
    await this.#session.send(`truncate table ${list(tables)}`);
  }

  /** Lets the planner know how much there is: else the first queries after a large move are slow. */
  async analyze(tables: readonly string[]): Promise<void> {
    await this.#session.send(`analyze ${list(tables)}`);
  }

  async columns(table: string): Promise<readonly string[]> {
    return [...(await this.#typesOf(table)).keys()];
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.#session.send(`select count(*) as count from "${table}"`);
    return (rows as readonly { readonly count: number }[])[0]?.count ?? 0;
  }

  /** Page by page; the server cuts a page where its rows are large, so that neither side ever holds more than a batch and one row. */
  async *batches({ name, key }: NamedTable, columns: readonly string[]): AsyncIterable<Rows> {
    const types = await this.#typesOf(name);
    const length = columns.map((it) => (types.get(it) === "text" ? `coalesce(octet_length("${it}"), 0)` : "8"));
    const after = key.map((it, index) => `$${index + 1}::${types.get(it) ?? "text"}`).join(", ");
    const at = key.map((it) => columns.indexOf(it));
    const pageFrom = (where: string) => `
      select ${list(columns)} from (
        select ${list(columns)}, sum(length) over (order by ${list(key)} rows between unbounded preceding and 1 preceding) as before
        from (
          select ${list(columns)}, ${length.join(" + ")} as length from "${name}" ${where}
          order by ${list(key)} limit ${MAX_BATCH_ROWS}
        ) as page
      ) as bounded
      where before is null or before < ${MAX_BATCH_LENGTH}
      order by ${list(key)}`;
    let last: readonly Cell[] | undefined;
    for (;;) {
      const text = pageFrom(last === undefined ? "" : `where (${list(key)}) > (${after})`);
      const rows = await this.#rows(text, last === undefined ? [] : at.map((index) => last?.[index] ?? null));
      if (rows.length === 0) return;
      yield rows;
      last = rows.at(-1);
    }
  }

  async lastNumber(table: string, column: string): Promise<number> {
    const { rows } = await this.#session.send(
      `select last_value, is_called from ${await this.#sequenceOf(table, column)}`,
    );
    const [row] = rows as readonly { readonly last_value: number; readonly is_called: boolean }[];
    return row?.is_called === true ? row.last_value : 0;
  }

  async setLastNumber(table: string, column: string, number: number): Promise<void> {
    const sequence = await this.#sequenceOf(table, column);
    const [value, isCalled] = number > 0 ? [number, true] : [1, false];
    await this.#session.send("select setval($1::text::regclass, $2::bigint, $3::bool)", [sequence, value, isCalled]);
  }

  /** One statement with one parameter: PostgreSQL parses it faster than as many placeholders as there are cells. */
  async insert(table: string, columns: readonly string[], rows: Rows): Promise<void> {
    const objects = rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));
    try {
      await this.#session.send(
        `insert into "${table}" (${list(columns)}) select ${list(columns)} from json_populate_recordset(null::"${table}", $1::json)`,
        [JSON.stringify(objects)],
      );
    } catch (error) {
      const row = rows.find((it) => it.some((cell) => typeof cell === "string" && UNKEPT.test(cell)));
      if (row === undefined) throw error;
      const at = columns[row.findIndex((cell) => typeof cell === "string" && UNKEPT.test(cell))] ?? "";
      const message = `${table}: the column ${at} of a row has a character that PostgreSQL cannot keep (NUL, or half of a pair)`;
      throw new AppError("invalid", `${message}: ${rowName(columns, row)}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Without a word to a server that is in the middle of something: it rolls back.
    this.#client.destroy();
    await this.#pools[Symbol.asyncDispose]();
  }

  async #sequenceOf(table: string, column: string): Promise<string> {
    const { rows } = await this.#session.send("select pg_get_serial_sequence($1::text, $2::text) as sequence", [
      `"${table}"`,
      column,
    ]);
    return (rows as readonly { readonly sequence: string | null }[])[0]?.sequence ?? "";
  }

  /** The columns of a table that are not generated, by name, each with its type. */
  async #typesOf(table: string): Promise<ReadonlyMap<string, string>> {
    const known = this.#types.get(table);
    if (known !== undefined) return known;
    const { rows } = await this.#session.send(
      `select column_name as name, data_type as type from information_schema.columns
       where table_schema = current_schema() and table_name = $1::text and is_generated = 'NEVER'
       order by column_name collate "C"`,
      [table],
    );
    const types = new Map((rows as readonly { name: string; type: string }[]).map(({ name, type }) => [name, type]));
    this.#types.set(table, types);
    return types;
  }

  async #rows(text: string, values: readonly unknown[]): Promise<Rows> {
    try {
      const client: ClientBase = this.#client;
      return (await client.query<Cell[]>({ text, values: [...values], rowMode: "array" })).rows;
    } catch (error) {
      throw postgresError(error);
    }
  }
}

/** NUL, and surrogates without the other half. */
// oxlint-disable-next-line no-control-regex
const UNKEPT = /\0|\p{Surrogate}/u;

/** A row by its ids. */
function rowName(columns: readonly string[], row: readonly Cell[]): string {
  const ids = columns.flatMap((name, index) =>
    /(^|_)(id|number)$/.test(name) ? [`${name} ${String(row[index])}`] : [],
  );
  return JSON.stringify(ids.join(", "));
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
