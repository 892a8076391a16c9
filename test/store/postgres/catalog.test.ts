import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { useDirectory } from "../temporary-store.js";
import { useSharedDatabase } from "./shared-store.js";

interface Column {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
}

/** Kysely's own tables, of which each database has those of its kind. */
const isOurs = ({ table }: { readonly table: string }) => !table.startsWith("kysely_") && !table.startsWith("sqlite_");

describe("the schema on PostgreSQL", () => {
  const shared = useSharedDatabase();
  const directory = useDirectory();

  async function sqlite(): Promise<Database.Database> {
    const file = `${directory.path}/signet.db`;
    await (await openSqliteStore({ file }))[Symbol.asyncDispose]();
    const database = new Database(file, { readonly: true });
    shared.use({ [Symbol.asyncDispose]: async () => void database.close() });
    return database;
  }

  /** Which tables have which unique columns, the primary keys among them. */
  const sorted = (keys: readonly string[]) => [...new Set(keys)].toSorted();

  it("has the tables, columns, types and nulls that SQLite has", async () => {
    const database = await sqlite();
    const theirs = database
      .prepare<[], { table: string; name: string; type: string; notnull: number; pk: number }>(
        "select m.name as 'table', c.name, c.type, c.'notnull', c.pk from sqlite_master m, pragma_table_xinfo(m.name) c where m.type = 'table'",
      )
      .all()
      .filter(isOurs)
      .map(({ table, name, type, notnull, pk }) => ({
        ...{ table, name, type: type.toLowerCase().replace(/ .*/, "") },
        isNullable: notnull === 0 && pk === 0,
      }));
    const rows = await shared.raw<{
      table: string;
      name: string;
      type: string;
      collation: string;
      isNullable: boolean;
    }>(
      `select table_name as "table", column_name as name, data_type as type, collation_name as collation,
         is_nullable = 'YES' as "isNullable" from information_schema.columns where table_schema = 'public'`,
    );
    const ours = rows.filter(isOurs);
    expect(ours.filter(({ type, collation }) => type === "text" && collation !== "C")).toStrictEqual([]);
    const typeOf = (type: string) => ({ bigint: "integer" })[type] ?? type;
    const plain: Column[] = ours.map(({ table, name, type, isNullable }) => ({
      ...{ table, name, type: typeOf(type), isNullable },
    }));
    const byName = (a: Column, b: Column) => `${a.table} ${a.name}`.localeCompare(`${b.table} ${b.name}`);
    expect(plain.toSorted(byName)).toStrictEqual(theirs.toSorted(byName));
  });

  it("has the unique constraints, indexes and foreign keys that SQLite has", async () => {
    const database = await sqlite();
    const indexed = database
      .prepare<[], { table: string; unique: number; columns: string }>(
        `select m.name as 'table', l.'unique', (select group_concat(name) from
           (select i.name from pragma_index_info(l.name) i order by i.seqno)) as columns
         from sqlite_master m, pragma_index_list(m.name) l where m.type = 'table' and l.origin != 'pk'`,
      )
      .all()
      .filter(isOurs)
      .map(({ table, unique, columns }) => `${table} ${unique === 1 ? "unique " : ""}${columns}`);
    const rows = await shared.raw<{ table: string; unique: boolean; columns: string }>(
      `select t.relname as "table", i.indisunique as "unique", (select string_agg(coalesce(a.attname, ''), ',' order by k.n)
         from unnest(i.indkey) with ordinality k(attnum, n) left join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
       ) as columns from pg_index i join pg_class t on t.oid = i.indrelid
       where t.relnamespace = 'public'::regnamespace and not i.indisprimary`,
    );
    const ours = rows
      .filter(isOurs)
      .map(({ table, unique, columns }) => `${table} ${unique ? "unique " : ""}${columns}`);
    expect(sorted(ours)).toStrictEqual(sorted(indexed));

    const theirKeys = database
      .prepare<[], { table: string; column: string; to: string; onDelete: string }>(
        `select m.name as 'table', k.'from' as 'column', k.'table' as 'to', k.on_delete as onDelete
         from sqlite_master m, pragma_foreign_key_list(m.name) k where m.type = 'table'`,
      )
      .all();
    const keys = await shared.raw<{ table: string; column: string; to: string; onDelete: string }>(
      `select c.conrelid::regclass::text as "table", a.attname as "column", c.confrelid::regclass::text as "to",
         case c.confdeltype when 'a' then 'NO ACTION' when 'c' then 'CASCADE' when 'n' then 'SET NULL' else 'RESTRICT' end as "onDelete"
       from pg_constraint c, unnest(c.conkey) k join pg_attribute a on a.attnum = k where a.attrelid = c.conrelid and c.contype = 'f'`,
    );
    const told = (all: readonly { table: string; column: string; to: string; onDelete: string }[]) =>
      sorted(all.map(({ table, column, to, onDelete }) => `${table}.${column} -> ${to} ${onDelete}`));
    expect(told(keys)).toStrictEqual(told(theirKeys));
  });
});
