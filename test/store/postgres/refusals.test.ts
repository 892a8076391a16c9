import { describe, expect, it } from "vitest";
import { createPools } from "../../../src/store/postgres/connect.js";
import { refusePretender, refuseWithoutCreate } from "../../../src/store/postgres/refusals.js";
import { sharedDatabases, testDatabase } from "../../support/postgres/test-database.js";
import { fakePostgres, type FakeFacts } from "./fake-postgres.js";
import { checkOf, poolsOf } from "./pools.js";

describe("a server that Signet does not run on", () => {
  it.each<[Partial<FakeFacts>, string, string]>([
    [
      { version: "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu)" },
      "invalid",
      "CockroachDB, which Signet does not run on: its advisory locks do nothing",
    ],
    [{ version: "PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64", number: "150002" }, "invalid", "YugabyteDB"],
    [{ version: "PostgreSQL 8.0.2 on i686-pc-linux-gnu, Redshift 1.0" }, "invalid", "Redshift"],
    [{ version: "QuestDB 8" }, "invalid", "not PostgreSQL"],
    [{ version: "MyDB 1.0" }, "invalid", "the database server is not PostgreSQL"],
    [
      { version: "PostgreSQL 13.14 on x86_64", number: "130014" },
      "invalid",
      "the database is PostgreSQL 13.14; Signet needs 14 or newer",
    ],
    [{ encoding: "SQL_ASCII" }, "invalid", "the encoding of the database is SQL_ASCII"],
    [{ strings: "off" }, "invalid", "standard_conforming_strings is off"],
    [{ recovery: "t" }, "unavailable", "is a standby (in recovery)"],
    [{ read_only: "on" }, "unavailable", "is read-only (default_transaction_read_only is on)"],
  ])("%j is refused as %s: %s", async (facts, code, message) => {
    await using fake = await fakePostgres(facts);
    const refusal = await checkOf(`postgres://u:SECRET@127.0.0.1:${fake.port}/d`);
    expect(refusal).toMatchObject({ code, message: expect.stringContaining(`127.0.0.1:${fake.port}: `) as string });
    expect(refusal?.message).toContain(message);
    expect(refusal?.message).not.toContain("SECRET");
  });

  it.each([
    "PostgreSQL 14.0 on x86_64-pc-linux-gnu, compiled by gcc",
    "PostgreSQL 17.4 (Debian 17.4-1.pgdg120+2) on aarch64-unknown-linux-gnu",
    "PostgreSQL 16.1 (EnterpriseDB Advanced Server 16.1.0) on x86_64",
  ])("%s is none", (version) => {
    expect(() => refusePretender(version)).not.toThrow();
  });

  it("a database that is read-only by its settings is refused, a writable one not", async () => {
    await using database = await testDatabase();
    expect(await checkOf(database.url)).toBeNull();
    const databases = await sharedDatabases();
    await databases.query(`alter database "${database.name}" set default_transaction_read_only = on`);
    expect(await checkOf(database.url)).toMatchObject({ code: "unavailable" });
  });
});

describe("a role without the right to create tables", () => {
  it("is refused with the statement that gives it", async () => {
    await using database = await testDatabase();
    const databases = await sharedDatabases();
    const asAdmin = (sql: string) => databases.query(sql, [], database.name);
    await using pools = poolsOf(database.url);
    const client = await pools.connectDirect();
    await refuseWithoutCreate(client);
    await asAdmin("alter schema public owner to postgres");
    await asAdmin("revoke create on schema public from public, signet");
    await expect(refuseWithoutCreate(client)).rejects.toMatchObject({
      code: "invalid",
      message:
        'the role signet may not create tables in the schema public: grant create on schema "public" to "signet"',
    });
    await client.query("set search_path to nowhere");
    await expect(refuseWithoutCreate(client)).rejects.toMatchObject({
      message: expect.stringContaining("no schema") as string,
    });
    await client.end();
  });

  it("an unusable URL of migrations is told by its own name", () => {
    const options = { ca: null, poolSize: 1, applicationName: "signet" };
    expect(() =>
      createPools({ ...options, url: "postgres://u@a", directUrl: "postgres://u@a?x=1" }, () => undefined),
    ).toThrow("SIGNET_DATABASE_DIRECT_URL");
  });
});
