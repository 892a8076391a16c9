import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Finding } from "../../../src/core/finding.js";
import { diagnoseOffline } from "../../../src/server/offline-diagnosis.js";
import { startTestServer, testConfig, type TestServer } from "../../support/server.js";

const HOUR_MS = 3_600_000;

/** The machine's disk is its own matter. */
const notable = (findings: readonly (Pick<Finding, "id" | "summary"> & { level: string })[]) =>
  findings.filter(({ id, level }) => level !== "ok" && id !== "disk-space");

describe("a diagnosis of a server", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
    const { orgId, projectId } = server;
    for (const policies of ['{"n":1}', '{"n":2}'])
      await server.admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies });
  });
  afterAll(async () => server[Symbol.asyncDispose]());

  const diagnose = async (full = false) => (await server.admin.system.diagnoseServer({ full })).findings;
  const file = (name: string) => join(server.directory, name);
  /** As somebody with the file does it, beside the server. */
  function change(...statements: readonly string[]): void {
    const database = new Database(file("signet.db"));
    const guards = database.prepare<[], { name: string }>("select name from sqlite_master where type = 'trigger'");
    for (const { name } of guards.all()) database.exec(`drop trigger "${name}"`);
    for (const sql of statements) database.exec(sql);
    database.close();
  }

  it.each([false, true])("that is sound has no finding and each check (full: %s)", async (full) => {
    const findings = await diagnose(full);
    expect(notable(findings)).toEqual([]);
    expect(findings.map(({ id }) => id)).toEqual([
      ...["database", "write-ahead-log", "audit-chain", "signing-keys", "data-directory", "disk-space"],
      ...["last-backup", "clock", "certificate", "tokens", "trust", "webhooks", "open-files"],
    ]);
    expect(findings.every(({ level, remedy }) => (level === "ok") === (remedy === undefined))).toBe(true);
  });

  it("finds a schedule of backups that makes none", async () => {
    await using other = await startTestServer({ SIGNET_BACKUP_EVERY: "24" });
    const late = async () => notable((await other.admin.system.diagnoseServer({})).findings);
    expect(await late()).toMatchObject([{ id: "last-backup", level: "warning" }]);
    const name = "signet-20200101T000000Z-0123ab-scheduled.tar";
    mkdirSync(join(other.directory, "backups"), { mode: 0o700 });
    writeFileSync(join(other.directory, "backups", name), "old");
    writeFileSync(join(other.directory, "backups", `${name}.sha256`), `${"0".repeat(64)}  ${name}\n`);
    expect(await late()).toMatchObject([
      { id: "last-backup", level: "error", summary: expect.stringContaining("2020-01-01") as string },
    ]);
  });

  it("is shared by callers at the same time", async () => {
    const [one, two] = await Promise.all([diagnose(), diagnose()]);
    expect(one).toEqual(two);
  });

  it("finds an audit event that was changed", async () => {
    change("update audit_events set action = 'bundle.deleted' where id = 2");
    expect(notable(await diagnose())).toMatchObject([
      { id: "audit-chain", level: "error", summary: expect.stringContaining("broken at event 2") as string },
    ]);
    change("update audit_events set action = 'bundle.published' where id = 2");
  });

  it("finds a file that others can read", async () => {
    chmodSync(file("audit-signing-key.pem"), 0o644);
    expect(notable(await diagnose())).toMatchObject([
      { id: "data-directory", level: "error", summary: expect.stringContaining("can be read by others") as string },
    ]);
    chmodSync(file("audit-signing-key.pem"), 0o600);
  });

  it("finds tokens that expire soon and are missed then, and no others", async () => {
    const { orgId, projectId } = server;
    const soon = { expiresInDays: 3 };
    await server.admin.tokens.createAdminToken({ orgId, name: "console", ...soon });
    await server.admin.tokens.createAdminToken({ orgId, name: "later", expiresInDays: 30 });
    await server.admin.tokens.createCiToken({ orgId, projectId, name: "ci", ...soon });
    expect(notable(await diagnose())).toMatchObject([
      {
        id: "tokens",
        level: "warning",
        summary: expect.stringMatching(/^the admin token console \(.*\) expires in 3\.0 days$/) as string,
      },
    ]);
    change("update tokens set revoked_at = created_at where name = 'console'");
  });

  it("tells how long the disk lasts at the present rate", async () => {
    const atMs = Date.now() - 24 * HOUR_MS;
    writeFileSync(file("signet.growth"), JSON.stringify([{ atMs, bytes: 0 }]));
    const disk = (await diagnose()).find(({ id }) => id === "disk-space");
    expect(disk?.summary).toMatch(/it grows by [\d.]+ MiB a day, which lasts \d+ days$/);
    writeFileSync(file("signet.growth"), "torn by a power cut");
    expect((await diagnose()).find(({ id }) => id === "disk-space")?.summary).toContain("not known");
  });

  it("finds a clock that was set back", async () => {
    change(
      "update audit_events set created_at = '2999-01-01T00:00:00.000Z' where id = (select max(id) from audit_events)",
    );
    expect(notable(await diagnose()).map(({ id }) => id)).toEqual(["audit-chain", "clock"]);
  });

  it("of another organization's admin is refused", async () => {
    const { adminToken } = await server.admin.organizations.createOrganization({ name: "Other" });
    const other = server.clientFor(adminToken?.rawKey ?? "");
    for (const call of [other.system.diagnoseServer({}), other.system.echo({})])
      await expect(call).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("a diagnosis of the data directory of a stopped server", () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer();
    await server.server[Symbol.asyncDispose]();
  });
  afterEach(async () => server[Symbol.asyncDispose]());

  const diagnose = () => diagnoseOffline(testConfig({ SIGNET_DATA: server.directory }), true);
  const file = (name: string) => join(server.directory, name);

  it("that is sound has no finding", async () => {
    expect(notable(await diagnose())).toEqual([]);
  });

  it("finds a damaged database", async () => {
    const bytes = readFileSync(file("signet.db"));
    bytes.fill(0xff, 30 * 4096, 40 * 4096);
    writeFileSync(file("signet.db"), bytes);
    const findings = await diagnose();
    expect(findings).toContainEqual(expect.objectContaining({ id: "database", level: "error" }));
  });

  it.each(["audit-signing-key.pem", "webhook-signing-key.pem", "attestation-signing-key.pem"])(
    "finds that %s is missing, and makes none",
    async (name) => {
      rmSync(file(name));
      expect(notable(await diagnose())).toMatchObject([{ id: "signing-keys", level: "error" }]);
      expect(existsSync(file(name))).toBe(false);
    },
  );

  it("finds that a bundle key is missing", async () => {
    rmSync(file("bundle-signing-key.pem"));
    expect(notable(await diagnose())).toMatchObject([{ id: "signing-keys", level: "error" }]);
  });

  it("finds a log that was taken away", async () => {
    writeFileSync(file("signet.head"), "not a head\n");
    expect(notable(await diagnose())).toMatchObject([
      { id: "database", summary: expect.stringContaining("no head file") as string },
    ]);
  });

  it("needs a database", async () => {
    rmSync(file("signet.db"));
    await expect(diagnose()).rejects.toMatchObject({ code: "not_found" });
  });
});

it("a data directory in use is not examined from outside", async () => {
  await using server = await startTestServer();
  const config = testConfig({ SIGNET_DATA: server.directory });
  await expect(diagnoseOffline(config, false)).rejects.toMatchObject({ code: "conflict" });
});
