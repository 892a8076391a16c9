import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { restoreBackup, type RestoreOptions } from "../../src/server/backups/restore.js";
import { verifyBackup } from "../../src/server/backups/verify-backup.js";
import { openDataDirectory } from "../../src/server/database/data-directory.js";
import { DEFAULT_OPTIONS, startServer } from "../../src/server/server.js";
import { readArchive } from "../../src/service/backups/archive-reader.js";
import { writeArchive } from "../../src/service/backups/archive-writer.js";
import { startTestServer, testConfig } from "../support/server.js";
import { SmallDisk } from "../chaos/small-disk.js";

describe("restoring a backup", () => {
  let scratch = "";
  let environments: readonly { name: string; sequence: number; activeVersion?: number | undefined }[] = [];
  const at = (name: string) => join(scratch, name);

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "signet-restore-"));
    await using server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8" });
    const { admin, orgId, projectId } = server;
    const inEnvironment = (envName: string) => ({ orgId, projectId, envName });
    await admin.bundles.publishBundle({ ...inEnvironment("dev"), policies: '{"a":1}' });
    await admin.bundles.publishBundle({ ...inEnvironment("dev"), policies: '{"a":2}' });
    await admin.bundles.activateBundle({ ...inEnvironment("dev"), version: 1, hold: true, reason: "an incident" });
    await admin.webhooks.createWebhook({ orgId, url: "https://127.0.0.1:9/hook", events: ["bundle.*"] });
    ({ environments } = await admin.organizations.listEnvironments({ orgId, projectId }));
    const { id } = await admin.backups.createBackup({ keep: true });
    for (let state = "running"; state === "running";) ({ state } = await admin.backups.getBackup({ backupId: id }));
    copyFileSync(join(server.directory, "backups", `signet-${id}-kept.tar`), at("backup.tar"));
    mkdirSync(at("keys"));
    for (const name of readdirSync(server.directory).filter((it) => /key.*\.(pem|json)$/.test(it))) {
      copyFileSync(join(server.directory, name), join(at("keys"), name));
    }
  }, 60_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const restore = (target: string, options: Partial<RestoreOptions> = {}, file = at("backup.tar")) =>
    restoreBackup(file, {
      ...{ target, keysDirectory: at("keys"), signingKey: null, sequenceStep: 1_000, webhooksOff: false },
      ...{ nativeDirectory: null, passphrase: () => Promise.reject(new Error("not asked for")), ...options },
    });
  const leftovers = () => readdirSync(scratch).filter((name) => name.includes(".restoring"));

  it("raises sequences, keeps holds, and records it", async () => {
    const restored = await restore(at("whole"));
    expect(restored).toMatchObject({ environments: 3, reactivated: 1, webhooksOff: 0 });
    await using server = await startServer(
      testConfig({ SIGNET_DATA: at("whole") }),
      pino({ level: "silent" }),
      DEFAULT_OPTIONS,
    );
    expect(server.firstStart).toBeNull();
    await server[Symbol.asyncDispose]();
    await using directory = await openDataDirectory({
      ...{ path: at("whole"), signingKey: null, synchronous: "full", create: false, nativeDirectory: null },
    });
    const { read } = directory.store;
    const organization = await read.operatorOrganization();
    const orgId = organization?.id ?? "";
    const [project] = (await read.projects(orgId, { limit: 10, offset: 0 })).rows;
    for (const environment of await read.environments(project?.id ?? "")) {
      const before = environments.find(({ name }) => name === environment.name);
      const raised = before?.activeVersion === undefined ? 999 : 1_000;
      expect(environment.sequence, environment.name).toBe((before?.sequence ?? 0) + raised);
      expect(environment.activeVersion ?? undefined).toBe(before?.activeVersion);
      if (environment.name !== "dev") continue;
      expect(environment.hold).toMatchObject({ reason: "an incident" });
      const [newest] = (await read.deployments(environment.id, { limit: 1, offset: 0 })).rows;
      expect(newest).toMatchObject({ kind: "activate", sequence: environment.sequence, version: 1 });
      expect(newest?.reason).toBe(`restored from the backup of ${restored.manifest.createdAt}`);
    }
    const { rows } = await read.auditEvents({ orgId, action: "backup.restored", limit: 10 });
    expect(rows).toHaveLength(1);
    expect(rows[0]?.metadata).toMatchObject({ skipped_sequences: 1_000, environments: 3 });
    expect((await read.webhooks(orgId, { limit: 10, offset: 0 })).rows[0]?.isActive).toBe(true);
  });

  it("switches webhooks off on request", async () => {
    expect(await restore(at("silent"), { webhooksOff: true })).toMatchObject({ webhooksOff: 1 });
  });

  it("needs an empty directory", async () => {
    mkdirSync(at("used"));
    writeFileSync(join(at("used"), "notes.txt"), "mine");
    await expect(restore(at("used"))).rejects.toMatchObject({ code: "conflict", reason: "not_empty" });
    expect(readdirSync(at("used"))).toEqual(["notes.txt"]);
    mkdirSync(at("empty"));
    await restore(at("empty"));
    expect(readdirSync(at("empty"))).toContain("signet.db");
    expect(leftovers()).toEqual([]);
  });

  it("needs the keys of the backup's server, and says which", async () => {
    await expect(restore(at("none"), { keysDirectory: null })).rejects.toMatchObject({
      ...{ code: "signing_failed", message: expect.stringMatching(/^the backup has no keys: .* by --keys$/) as string },
    });
    cpSync(at("keys"), at("other-keys"), { recursive: true });
    copyFileSync(join(at("keys"), "webhook-signing-key.pem"), join(at("other-keys"), "audit-signing-key.pem"));
    await expect(restore(at("none"), { keysDirectory: at("other-keys") })).rejects.toMatchObject({
      ...{ code: "conflict", message: expect.stringContaining("audit-signing-key.pem is another key") as string },
    });
    rmSync(join(at("other-keys"), "audit-signing-key.pem"));
    await expect(restore(at("none"), { keysDirectory: at("other-keys") })).rejects.toMatchObject({
      code: "signing_failed",
    });
    expect(existsSync(at("none"))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it("needs the attestation key, which runtimes know by their root", async () => {
    cpSync(at("keys"), at("other-keys"), { recursive: true });
    rmSync(join(at("other-keys"), "attestation-signing-key.pem"));
    await expect(restore(at("none"), { keysDirectory: at("other-keys") })).rejects.toMatchObject({
      ...{ code: "signing_failed", message: expect.stringContaining("attestation-signing-key.pem") as string },
    });
  });

  it("takes the bundle key from SIGNET_SIGNING_KEY, and does not write it", async () => {
    cpSync(at("keys"), at("without"), { recursive: true });
    const signingKey = readFileSync(join(at("without"), "bundle-signing-key.pem"), "utf8");
    rmSync(join(at("without"), "bundle-signing-key.pem"));
    await restore(at("given"), { keysDirectory: at("without"), signingKey });
    expect(readdirSync(at("given"))).not.toContain("bundle-signing-key.pem");
  });

  it("refuses a backup of a newer release, and one whose audit was changed", async () => {
    const repack = async (name: string, change: (database: Database.Database) => void) => {
      const file = at(`${name}.db`);
      const { manifest } = await readArchive(at("backup.tar"), { database: file });
      const database = new Database(file);
      change(database);
      const schema = database.prepare("select name from kysely_migration order by name").pluck().all() as string[];
      database.close();
      await writeArchive(at(`${name}.tar`), { database: file, sealedKeys: null, manifest: { ...manifest, schema } });
      return at(`${name}.tar`);
    };
    const verify = (file: string) => verifyBackup(file, { passphrase: null, scratch, nativeDirectory: null });
    const newer = await repack("newer", (database) => {
      database.prepare("insert into kysely_migration values ('9999-later', ?)").run(new Date().toISOString());
    });
    const isNewer = { code: "conflict", message: expect.stringContaining("newer release") as string };
    await expect(verify(newer)).rejects.toMatchObject(isNewer);
    await expect(restore(at("none"), {}, newer)).rejects.toMatchObject(isNewer);

    const changed = await repack("changed", (database) => {
      database.exec("drop trigger if exists audit_events_refuse_update");
      expect(database.prepare("update audit_events set actor = 'nobody' where id = 3").run().changes).toBe(1);
    });
    const isBroken = {
      code: "data_loss",
      message: expect.stringMatching(/event 3 of the audit .* does not verify/) as string,
    };
    await expect(verify(changed)).rejects.toMatchObject(isBroken);
    await expect(restore(at("none"), {}, changed)).rejects.toMatchObject(isBroken);
    expect(existsSync(at("none"))).toBe(false);
    expect(await verify(at("backup.tar"))).toMatchObject({ keys: "none" });
  });

  it.runIf(SmallDisk.isPermitted())("works in a mount point, which cannot be renamed", async () => {
    using disk = new SmallDisk(64);
    chmodSync(disk.path, 0o700);
    await restore(disk.path);
    expect(readdirSync(disk.path)).toContain("signet.db");
    expect(readdirSync(disk.path)).not.toContain(".restoring");
  });

  it.runIf(SmallDisk.isPermitted())(
    "that was interrupted in a mount point is no data directory, and is begun anew",
    async () => {
      using disk = new SmallDisk(64);
      chmodSync(disk.path, 0o700);
      mkdirSync(join(disk.path, ".restoring"), { mode: 0o700 });
      copyFileSync(join(at("keys"), "audit-signing-key.pem"), join(disk.path, "audit-signing-key.pem"));
      const options = {
        path: disk.path,
        signingKey: null,
        synchronous: "full",
        create: true,
        nativeDirectory: null,
      } as const;
      await expect(openDataDirectory(options)).rejects.toMatchObject({
        message: expect.stringContaining("was interrupted: run signet restore again") as string,
      });
      await restore(disk.path);
      await (await openDataDirectory(options))[Symbol.asyncDispose]();
    },
  );
});
