import { Client } from "pg";
import { expect, it } from "vitest";
import { describeUnless } from "../needs.js";
import { missingForPgBouncer, startPgBouncer } from "./pgbouncer.js";
import { sharedDatabases, testDatabase } from "./test-database.js";

describeUnless(missingForPgBouncer(), "PgBouncer", () => {
  it("gives a session of the server for a transaction, and comes back after a crash", async () => {
    await using database = await testDatabase();
    await using bouncer = await startPgBouncer(await sharedDatabases());
    const open = async () => {
      const client = new Client({ connectionString: bouncer.through(database.url) });
      client.on("error", () => undefined);
      await client.connect();
      return client;
    };
    const [first, second] = [await open(), await open()];
    const backend = async (client: Client) =>
      (await client.query("select pg_backend_pid() as pid")).rows[0]?.pid as number;
    const own = await backend(first);
    expect(await backend(second)).toBe(own);
    await first.query("begin");
    expect(await backend(first)).toBe(own);
    expect(await backend(second)).not.toBe(own);
    await first.query("commit");
    const pools = await bouncer.console("SHOW POOLS");
    expect(pools).toContainEqual(expect.objectContaining({ database: database.name, pool_mode: "transaction" }));
    await bouncer.crash();
    await expect(first.query("select 1")).rejects.toThrow();
    await expect(open()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await bouncer.start();
    await (await open()).end();
  });
});
