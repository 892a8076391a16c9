import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sharedDatabases, testDatabase } from "../support/postgres/test-database.js";
import { missingForPgBouncer, startPgBouncer } from "../support/postgres/pgbouncer.js";
import { startTestServer } from "../support/server.js";

/** What belongs to a site: addresses, accounts, certificates. */
const OF_A_SITE = /^(?:listen_|auth_|server_tls_)/;

/** The settings of the section `[pgbouncer]`. */
function shippedSettings(): Record<string, string> {
  const text = readFileSync(join(import.meta.dirname, "../../packaging/pgbouncer/pgbouncer.ini"), "utf8");
  const lines = (text.split("[pgbouncer]\n")[1] ?? "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(";"));
  const settings = lines.map((line) => line.split(" = ") as [string, string]);
  return Object.fromEntries(settings.filter(([name]) => !OF_A_SITE.test(name)));
}

describe("packaging/pgbouncer/pgbouncer.ini", () => {
  const missing = missingForPgBouncer();
  if (missing !== null) console.log(`packaging/pgbouncer is not tried: ${missing}`);

  it("carries a server, which has its notifications from the other URL", async () => {
    if (missing !== null) return;
    const settings = shippedSettings();
    expect(settings).toMatchObject({ pool_mode: "transaction", max_client_conn: "2000" });
    await using pgbouncer = await startPgBouncer(await sharedDatabases(), settings);
    await using database = await testDatabase();
    const variables = {
      SIGNET_DATABASE_URL: pgbouncer.through(database.url),
      SIGNET_DATABASE_DIRECT_URL: database.url,
      SIGNET_KEY_SECRET: "a-secret-of-this-test-0123456789",
    };
    await using first = await startTestServer(variables);
    const { orgId, projectId, admin } = first;
    const request = { orgId, projectId, envName: "dev", policies: "{}" };
    const published = await Promise.all(Array.from({ length: 20 }, () => admin.bundles.publishBundle(request)));
    expect(published.map(({ sequence }) => sequence).toSorted((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
    const pools = await pgbouncer.console("SHOW POOLS");
    expect(pools.find((pool) => pool["database"] === database.name)).toMatchObject({ pool_mode: "transaction" });
    expect(pgbouncer.log()).not.toMatch(/WARNING|ERROR|FATAL/);
  });
});
