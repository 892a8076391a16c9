import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { sharedDatabases, testDatabase } from "./test-database.js";

async function queryAt<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

describe("a database of the test's own", () => {
  it("is empty, belongs to its role, and sorts by language unless a column says otherwise", async () => {
    await using database = await testDatabase();
    const [row] = await queryAt(
      database.url,
      `select current_user as role, 'b' < 'C' as language, 'b' < 'C' collate "C" as bytes, version() as version,
         (select rolsuper from pg_roles where rolname = current_user) as super,
         (select count(*)::int from pg_tables where schemaname = 'public') as tables`,
    );
    expect(row).toMatchObject({ role: "signet", super: false, language: true, bytes: false, tables: 0 });
    await queryAt(database.url, "create table t (i int)");
  });

  it("is gone after it is disposed, with its sessions", async () => {
    const database = await testDatabase();
    const client = new Client({ connectionString: database.url });
    const lost = new Promise<Error>((resolve) => client.on("error", resolve));
    await client.connect();
    await database[Symbol.asyncDispose]();
    expect((await lost).message).toMatch(/terminating connection/);
    const databases = await sharedDatabases();
    expect(await databases.query("select from pg_database where datname = $1", [database.name])).toEqual([]);
  });

  it("is a copy of a template, which is filled once", async () => {
    let fills = 0;
    const template = {
      name: "one_table",
      async fill(url: string) {
        fills++;
        await queryAt(url, "create table filled as select 7 as value");
      },
    };
    await using first = await testDatabase(template);
    await using second = await testDatabase(template);
    for (const { url } of [first, second]) expect(await queryAt(url, "table filled")).toEqual([{ value: 7 }]);
    await queryAt(first.url, "drop table filled");
    expect(await queryAt(second.url, "table filled")).toEqual([{ value: 7 }]);
    expect(fills).toBe(1);
  });

  it("loses its sessions, and no other database does", async () => {
    await using mine = await testDatabase();
    await using other = await testDatabase();
    const clients = [mine, other].map(({ url }) => new Client({ connectionString: url }));
    const [lost, kept] = clients;
    const end = new Promise((resolve) => lost?.on("error", resolve));
    await Promise.all(clients.map((client) => client.connect()));
    expect(await mine.terminateBackends()).toBe(1);
    await end;
    expect((await kept?.query("select 1 as one"))?.rows).toEqual([{ one: 1 }]);
    await kept?.end();
  });
});
