import { join } from "node:path";
import Database from "better-sqlite3";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/store/sqlite/open.js";
import { MOVED_TABLES, STAYING_TABLES, UNTYPED_TABLES } from "../../src/store/tables.js";
import { testDatabase } from "../support/postgres/test-database.js";
import { MIGRATED, useDirectory } from "./temporary-store.js";

/** What a database says of its tables. */
interface Catalog {
  readonly tables: readonly string[];
  /** Primary keys: a list of columns by table. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** `table.column`. */
  readonly counting: readonly string[];
  /** Table, the table that it refers to. */
  readonly references: readonly (readonly [string, string])[];
}

const directory = useDirectory();

async function sqliteCatalog(): Promise<Catalog> {
  const file = join(directory.path, "signet.db");
  await (await openSqliteStore({ file }))[Symbol.asyncDispose]();
  const database = new Database(file, { readonly: true });
  const names = (sql: string, ...values: string[]) =>
    database
      .prepare<string[], string>(sql)
      .pluck()
      .all(...values);
  try {
    const tables = names("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'");
    const keys = tables.map((it) => [it, names("select name from pragma_table_info(?) where pk > 0 order by pk", it)]);
    const counting = tables.filter((it) =>
      names("select sql from sqlite_master where name = ?", it).join().toLowerCase().includes("autoincrement"),
    );
    const references = tables.flatMap((from) =>
      names('select "table" from pragma_foreign_key_list(?)', from).map((to) => [from, to] as const),
    );
    const key = Object.fromEntries(keys) as Catalog["keys"];
    return { tables, keys: key, counting: counting.map((it) => `${it}.${key[it]?.[0] ?? ""}`), references };
  } finally {
    database.close();
  }
}

async function postgresCatalog(): Promise<Catalog> {
  await using test = await testDatabase(MIGRATED);
  const client = new pg.Client(test.url);
  await client.connect();
  const rows = async (sql: string) =>
    (await client.query<string[]>({ text: sql, rowMode: "array" })).rows as [string, string][];
  try {
    const tables = (await rows("select tablename, '' from pg_tables where schemaname = 'public'")).map(([it]) => it);
    const keys: Record<string, string[]> = {};
    const ofKeys = `select table_name, column_name from information_schema.key_column_usage
      join information_schema.table_constraints using (table_name, constraint_name)
      where constraint_type = 'PRIMARY KEY' order by table_name, ordinal_position`;
    for (const [table, column] of await rows(ofKeys)) (keys[table] ??= []).push(column);
    const counting = await rows(
      "select table_name, column_name from information_schema.columns where is_identity = 'YES'",
    );
    const references = await rows(
      "select conrelid::regclass::text, confrelid::regclass::text from pg_constraint where contype = 'f'",
    );
    return { tables, keys, counting: counting.map((it) => it.join(".")), references };
  } finally {
    await client.end();
  }
}

describe.each([
  ["SQLite", sqliteCatalog],
  ["PostgreSQL", postgresCatalog],
] as const)("the list of tables and the catalog of %s", (_name, catalogOf) => {
  it("have the same tables, keys and counting columns, and each comes after what it refers to", async () => {
    const { tables, keys, counting, references } = await catalogOf();
    const names = MOVED_TABLES.map(({ name }) => name);
    expect([...tables].sort()).toEqual(
      [...names, ...Object.keys(STAYING_TABLES), ...Object.keys(UNTYPED_TABLES)].sort(),
    );
    for (const { name, key } of MOVED_TABLES) expect([name, key]).toEqual([name, keys[name]]);
    const stays = (column: string) => Object.keys(STAYING_TABLES).includes(column.split(".")[0] ?? "");
    expect(counting.filter((it) => !stays(it)).sort()).toEqual(
      MOVED_TABLES.flatMap(({ name, counts }) => (counts === undefined ? [] : [`${name}.${counts}`])).sort(),
    );
    const early = references.filter(([from, to]) => names.includes(from) && names.indexOf(to) > names.indexOf(from));
    // These are deferred.
    expect([...new Set(early.map((it) => it.join(" → ")))].sort()).toEqual([
      "environments → bundles",
      "environments → deployments",
    ]);
  });
});
