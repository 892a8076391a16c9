import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { createOfflineAdminToken } from "../../src/server/offline.js";
import { DEFAULT_OPTIONS, startServer } from "../../src/server/server.js";
import { runSignet } from "../cli/in-process.js";
import { testDatabase, type TestDatabase } from "../support/postgres/test-database.js";
import { startTestServer, testConfig, type TestServer } from "../support/server.js";

const SECRET = { SIGNET_KEY_SECRET: "a secret of the tests, long enough" };

describe("commands without a server, with PostgreSQL", () => {
  let folder = "";
  let database: TestDatabase;
  let server: TestServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "signet-offline-"));
    database = await testDatabase();
    server = await startTestServer({ SIGNET_DATABASE_URL: database.url, ...SECRET });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const settings = (url = database.url) => ({ SIGNET_DATABASE_URL: url, ...SECRET });

  it("an admin token that replaces a lost one works on the nodes that run", async () => {
    const { out, exitCode } = await runSignet(["token", "create", "--admin", "--data", join(folder, "new")], {
      environment: settings(),
    });
    expect(exitCode).toBe(0);
    const { orgId } = await server.clientFor(out.trim()).tokens.whoAmI({});
    expect(orgId).toBe(server.orgId);
  });

  it("no token is made in a database without data", async () => {
    await using empty = await testDatabase();
    const config = testConfig({ SIGNET_DATA: join(folder, "empty"), ...settings(empty.url) });
    await expect(createOfflineAdminToken(config)).rejects.toMatchObject({ code: "not_found" });
  });

  it("a restore is refused: it would make a database that no server uses", async () => {
    const restored = await runSignet(["restore", "backup.tar", "--data", join(folder, "restored")], {
      environment: settings(),
    });
    expect(restored.exitCode).toBe(2);
    expect(restored.err).toContain("SIGNET_DATABASE_URL is set");
  });

  it("a start with SIGNET_ACCEPT_LOSS leaves numbers out in every environment", async () => {
    const { orgId, projectId } = server;
    const place = { orgId, projectId, envName: "dev" };
    const first = await server.admin.bundles.publishBundle({ ...place, policies: '{"n":1}' });
    const config = testConfig({ SIGNET_DATA: join(folder, "other"), ...settings(), SIGNET_ACCEPT_LOSS: "yes" });
    await using _other = await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS);
    const next = await server.admin.bundles.publishBundle({ ...place, policies: '{"n":2}' });
    expect(next.sequence).toBe((first.sequence ?? 0) + 1_000_001);
    expect(next.version).toBe(first.version + 1_000_001);
    const { events } = await server.admin.audit.listAuditEvents({ orgId, action: "history.lost" });
    expect(events).toHaveLength(1);
    expect(await server.admin.audit.verifyAudit({ orgId })).toMatchObject({ valid: true });
  });
});
