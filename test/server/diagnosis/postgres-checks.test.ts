import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { durability } from "../../../src/server/diagnosis/postgres-checks.js";
import { diagnoseDatabase } from "../../../src/server/offline-database.js";
import type { PostgresFacts, Standby } from "../../../src/store/examination/postgres-facts.js";
import { sharedDatabases, testDatabase, type TestDatabase } from "../../support/postgres/test-database.js";
import { startTestServer, testConfig, type TestServer } from "../../support/server.js";

const facts: PostgresFacts = {
  ...{ version: "15.8", isPrimary: true, clockAheadMs: 0, synchronousCommit: "on", synchronousStandbyNames: "" },
  ...{ fsync: true, fullPageWrites: true, maxConnections: 97, usedConnections: 5, idleSessionTimeoutMs: 0 },
  ...{ standbys: [], changesKept: 0 },
};
const standby = (syncState: string | null, lagBytes: number | null = 0): Standby => ({
  name: "s",
  syncState,
  lagBytes,
});

describe("whether an acknowledged change survives a failover", () => {
  const cases: readonly (readonly [Partial<PostgresFacts>, string, string])[] = [
    [{ fsync: false }, "error", "fsync is off"],
    [{ fullPageWrites: false }, "error", "full_page_writes is off"],
    [{ synchronousCommit: "off" }, "error", "does not survive a crash of the database"],
    [
      { synchronousStandbyNames: "*", standbys: [standby("sync"), standby("potential")] },
      "ok",
      "survives the loss of the primary: 1 synchronous standby",
    ],
    [
      { synchronousStandbyNames: "ANY 1 (a, b)", standbys: [standby("quorum"), standby("quorum")] },
      "ok",
      "survives the loss of the primary: 2 synchronous standbys",
    ],
    [{ synchronousStandbyNames: "ANY 1 (a, b)", standbys: [standby(null, null)] }, "ok", "which this role cannot see"],
    [{ synchronousStandbyNames: "a", synchronousCommit: "remote_write" }, "ok", "unless the standby's machine fails"],
    [
      { synchronousStandbyNames: "a", synchronousCommit: "local", standbys: [standby("sync")] },
      "warning",
      "synchronous_commit is local",
    ],
    [{ standbys: [standby("async", 2048)] }, "warning", "replication is asynchronous (1 standby, 2"],
    [{ standbys: [standby(null, null)] }, "warning", "grant pg_read_all_stats"],
    [{}, "ok", "there is no standby that this role can see"],
  ];
  it.each(cases)("%j: %s, %s", (given, level, says) => {
    const found = durability({ ...facts, ...given });
    expect(found).toMatchObject({ id: "failover", level, summary: expect.stringContaining(says) as string });
    expect(found.remedy === null).toBe(level === "ok");
  });
});

describe("a diagnosis on PostgreSQL", () => {
  let database: TestDatabase;
  let server: TestServer;
  let settings: Readonly<Record<string, string>>;
  beforeAll(async () => {
    database = await testDatabase();
    settings = { SIGNET_DATABASE_URL: database.url, SIGNET_KEY_SECRET: "a secret of the tests, long enough" };
    server = await startTestServer(settings);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const OF_DATABASE = [
    ...["database", "failover", "database-connections", "database-clock", "changes-of-nodes", "notifications", "nodes"],
  ];

  it("of a node examines the database, the nodes and all that is not of files", async () => {
    const { findings } = await server.admin.system.diagnoseServer({});
    expect(findings.map(({ id }) => id)).toEqual([
      ...OF_DATABASE,
      ...[
        "audit-chain",
        "signing-keys",
        "data-directory",
        "clock",
        "certificate",
        "tokens",
        "trust",
        "webhooks",
        "open-files",
      ],
    ]);
    // The tests' server does without fsync.
    expect(findings.filter(({ level }) => level !== "ok").map(({ id }) => id)).toEqual(["failover"]);
  });

  it("without a server needs no token, and changes nothing", async () => {
    const findings = await diagnoseDatabase(testConfig({ SIGNET_DATA: server.directory, ...settings }), false);
    expect(findings.map(({ id }) => id)).toEqual([...OF_DATABASE, "tokens", "trust", "webhooks"]);
    expect(findings.filter(({ level }) => level !== "ok").map(({ id }) => id)).toEqual(["failover"]);
  });

  it.each([
    ["is empty", null, "warning", "has no data of Signet"],
    ["has the schema of an earlier release", "0001-initial", "warning", "has the schema of an earlier release"],
    ["has that of a later one", "9000-later", "error", "is from a newer release of Signet"],
  ])("says of a database that it %s, in one finding", async (_, step, level, says) => {
    await using other = await testDatabase();
    const databases = await sharedDatabases();
    const asAdmin = (sql: string) => databases.query(sql, [], other.name);
    if (step !== null) {
      await asAdmin(`create table kysely_migration as select '${step}' as name, '' as timestamp`);
      await asAdmin("grant select on kysely_migration to public");
    }
    const config = testConfig({ ...settings, SIGNET_DATA: server.directory, SIGNET_DATABASE_URL: other.url });
    const findings = await diagnoseDatabase(config, false);
    expect(findings).toMatchObject([{ id: "database", level, summary: expect.stringContaining(says) as string }]);
  });

  it("tells of a database that cannot be reached, and no password", async () => {
    const url = new URL(database.url);
    url.port = "1";
    url.password = "very-secret";
    const config = testConfig({ ...settings, SIGNET_DATA: server.directory, SIGNET_DATABASE_URL: url.href });
    const findings = await diagnoseDatabase(config, false);
    expect(findings).toMatchObject([{ id: "database", level: "error" }]);
    expect(JSON.stringify(findings)).not.toContain("very-secret");
  });
});
