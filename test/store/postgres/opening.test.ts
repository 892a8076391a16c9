import pg from "pg";
import { describe, expect, it } from "vitest";
import { anOrganization } from "../sample.js";
import { openOnPostgres } from "../temporary-store.js";
import { testDatabase } from "../../support/postgres/test-database.js";

describe("opening a database", () => {
  it("that is empty by four nodes at once: one migrates, all work", async () => {
    await using database = await testDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => openOnPostgres(database.url)));
    try {
      const organization = anOrganization();
      await stores[0]!.write((tx) => tx.insertOrganization(organization));
      for (const store of stores) expect(await store.read.organization(organization.id)).toStrictEqual(organization);
    } finally {
      await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    }
  });

  it("whose migration fails leaves nothing of it, and no session", async () => {
    await using database = await testDatabase();
    const client = new pg.Client(database.adminUrl);
    await client.connect();
    try {
      // In the way of a table that is made late.
      await client.query("create table node_changes (mine text)");
      await expect(openOnPostgres(database.url)).rejects.toMatchObject({ code: "internal" });
      const { rows } = await client.query("select tablename from pg_tables where schemaname = 'public'");
      expect(rows).toStrictEqual([{ tablename: "node_changes" }]);
      const sessions = () =>
        client.query("select 1 from pg_stat_activity where application_name = 'signet test' and datname = $1", [
          database.name,
        ]);
      await expect.poll(async () => (await sessions()).rowCount, { timeout: 10_000 }).toBe(0);
    } finally {
      await client.end();
    }
  });
});
