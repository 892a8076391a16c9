import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { useDirectory } from "../temporary-store.js";

/** The last schema of before several nodes shared a database: steps after it must be safe for nodes that know only those before. */
const LAST_OF_ONE_PROCESS = "0020";
const KEPT = join(import.meta.dirname, "../../upgrade/directories");
const schemas = readdirSync(KEPT).filter((steps) => (steps.split("-").at(-1) ?? "") >= LAST_OF_ONE_PROCESS);

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  /** Above 0 for what the database computes. */
  readonly hidden: number;
}

/** The columns of each table, and what refuses a row of it: unique indexes and triggers. */
function read(file: string) {
  const db = new Database(file, { readonly: true });
  try {
    const names = db.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
    return new Map(
      names.map((name) => {
        const columns = db.prepare(`select * from pragma_table_xinfo(?)`).all(name) as Column[];
        const refusing = db
          .prepare(
            `select name from pragma_index_list(?) where "unique" = 1
             union all select name from sqlite_master where type = 'trigger' and tbl_name = ?`,
          )
          .pluck()
          .all(name, name) as string[];
        return [name, { columns: new Map(columns.map((it) => [it.name, it])), refusing: new Set(refusing) }];
      }),
    );
  } finally {
    db.close();
  }
}

type Tables = ReturnType<typeof read>;

/** What a node that knows the old schema would trip over in the new one. */
function obstacles(old: Tables, next: Tables): string[] {
  return [...old].flatMap(([table, before]) => {
    const after = next.get(table);
    if (after === undefined) return [`${table} is gone`];
    const changed = [...before.columns.values()].flatMap((column) => {
      const now = after.columns.get(column.name);
      if (now === undefined) return [`${table}.${column.name} is gone`];
      const isSame = now.type === column.type && now.pk === column.pk && now.notnull <= column.notnull;
      return isSame ? [] : [`${table}.${column.name} is another column`];
    });
    const added = [...after.columns.values()].filter(({ name }) => !before.columns.has(name));
    const needed = added.filter((it) => it.notnull === 1 && it.dflt_value === null && it.hidden === 0);
    const refusing = [...after.refusing].filter((name) => !before.refusing.has(name));
    return [
      ...changed,
      ...needed.map(({ name }) => `${table}.${name} must be written`),
      ...refusing.map((name) => `${name} refuses rows of ${table}`),
    ];
  });
}

describe("the schema of a release may be given to a database while nodes of the release before work on it", () => {
  const directory = useDirectory();

  it("is looked at, from the last schema of one process on", () => expect(schemas).not.toEqual([]));

  it.each(schemas)("from %s on", async (steps) => {
    const file = join(directory.path, "signet.db");
    writeFileSync(file, gunzipSync(readFileSync(join(KEPT, steps, "signet.db.gz"))), { mode: 0o600 });
    const before = read(file);
    await (await openSqliteStore({ file }))[Symbol.asyncDispose]();
    expect(obstacles(before, read(file))).toEqual([]);
  });

  it.each([
    ["alter table tokens rename column name to title", "tokens.name is gone"],
    ["drop table deliveries", "deliveries is gone"],
    ["alter table tokens rename to keys", "tokens is gone"],
    [
      "create table new (id text primary key, x text not null); drop table nodes; alter table new rename to nodes",
      "nodes.x must be written",
    ],
    ["create unique index once on tokens (name)", "once refuses rows of tokens"],
    [
      "create trigger never before insert on tokens begin select raise(abort, 'no'); end",
      "never refuses rows of tokens",
    ],
  ])("finds what would not be: %s", async (change, obstacle) => {
    const file = join(directory.path, "signet.db");
    await (await openSqliteStore({ file }))[Symbol.asyncDispose]();
    const before = read(file);
    const db = new Database(file);
    db.pragma("foreign_keys = off");
    db.exec(change);
    db.close();
    expect(obstacles(before, read(file))).toContain(obstacle);
  });

  it("may add tables, and columns that need not be written", async () => {
    const file = join(directory.path, "signet.db");
    await (await openSqliteStore({ file }))[Symbol.asyncDispose]();
    const before = read(file);
    const db = new Database(file);
    db.exec(
      `create table more (id text primary key); create index by_name on tokens (name);
       alter table tokens add column note text; alter table tokens add column level integer not null default 0`,
    );
    db.close();
    expect(obstacles(before, read(file))).toEqual([]);
  });
});
