import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backup } from "../../gen/signet/v1/backup_pb.js";
import { readArchive } from "../../src/service/backups/archive-reader.js";
import { checkDatabase } from "../../src/service/backups/database-check.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

describe("backups of a running server", () => {
  let server: TestServer;
  let scratch = "";

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "signet-backups-"));
    server = await startTestServer();
    const { admin, orgId, projectId } = server;
    await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: '{"a":1}' });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true });
  });

  const ended = async (id: string): Promise<Backup> => {
    for (;;) {
      const backup = await server.admin.backups.getBackup({ backupId: id });
      if (backup.state !== "running") return backup;
    }
  };
  const make = async (keep: boolean): Promise<Backup> => ended((await server.admin.backups.createBackup({ keep })).id);
  const rest = (path: string, method = "GET") =>
    fetch(server.url + path, { method, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const files = () => readdirSync(join(server.directory, "backups")).sort();

  it("are one file that is what its manifest says, with everything in it", async () => {
    const { id, state, bytes, sha256, phase, percent } = await make(true);
    expect({ state, phase, percent }).toEqual({ state: "ready", phase: undefined, percent: 100 });
    const file = join(scratch, "all.tar");
    const parts: Uint8Array[] = [];
    for await (const { data } of server.admin.backups.downloadBackup({ backupId: id })) parts.push(data);
    writeFileSync(file, Buffer.concat(parts));
    expect(statSync(file).size).toBe(bytes);
    expect(createHash("sha256").update(readFileSync(file)).digest("hex")).toBe(sha256);

    const database = join(scratch, "all.db");
    const { manifest, sealedKeys } = await readArchive(file, { database });
    expect(sealedKeys).toBeNull();
    expect(manifest).toMatchObject({
      operatorOrganization: server.orgId,
      counts: { organizations: 1, projects: 1, environments: 3, bundles: 1, deployments: 1 },
      auditHeads: [{ orgId: server.orgId }],
    });
    expect(manifest.members.map(({ name }) => name)).toEqual(["signet.db"]);
    const { schema, auditHeads } = await checkDatabase({ file: database }, { keys: manifest.keys, mayMigrate: false });
    expect({ schema, auditHeads }).toEqual({ schema: manifest.schema, auditHeads: manifest.auditHeads });
    await server.admin.backups.deleteBackup({ backupId: id });
  });

  it("are bytes in REST, and tar files", async () => {
    const { id } = await make(false);
    const response = await rest(`/v1/backups/${id}/archive`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/x-tar");
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get("content-length")).toBe(String(bytes.length));
    expect(bytes.toString("latin1", 257, 262)).toBe("ustar");
    const listed = (await (await rest("/v1/backups")).json()) as { data: { id: string; bytes: number }[] };
    expect(listed.data.find((it) => it.id === id)?.bytes).toBe(bytes.length);
    expect((await rest(`/v1/backups/${id}`, "DELETE")).status).toBe(204);
    expect((await rest(`/v1/backups/${id}/archive`)).status).toBe(404);
    expect((await rest(`/v1/backups/${id}`)).status).toBe(404);
    expect(files()).toEqual([]);
  });

  it("are made one at a time, and cannot be fetched or deleted before they are complete", async () => {
    const { id, state } = await server.admin.backups.createBackup({});
    expect(state).toBe("running");
    await expect(server.admin.backups.createBackup({})).rejects.toMatchObject({
      ...{ code: "conflict", reason: "backup_in_progress" },
    });
    expect((await rest(`/v1/backups/${id}/archive`)).status).toBe(409);
    await expect(server.admin.backups.deleteBackup({ backupId: id })).rejects.toMatchObject({
      ...{ code: "conflict", reason: "backup_not_ready" },
    });
    expect(await ended(id)).toMatchObject({ state: "ready", kind: "once" });
    await server.admin.backups.deleteBackup({ backupId: id });
  });

  it("are recorded in the audit of the operator's organization", async () => {
    const { id } = await make(true);
    expect((await rest(`/v1/backups/${id}/archive`)).ok).toBe(true);
    await server.admin.backups.deleteBackup({ backupId: id });
    const { events } = await server.admin.audit.listAuditEvents({ orgId: server.orgId, resourceId: id });
    expect(events.map(({ action }) => action).reverse()).toEqual([
      ...["backup.created", "backup.downloaded", "backup.deleted"],
    ]);
    expect(await server.admin.audit.verifyAudit({ orgId: server.orgId })).toMatchObject({ valid: true });
  });

  it("that fail say why, and leave nothing", async () => {
    const { admin } = server;
    const directory = join(server.directory, "backups");
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "not a directory");
    await expect(admin.backups.createBackup({})).rejects.toMatchObject({ code: "unavailable" });
    rmSync(directory);
    expect(await make(false)).toMatchObject({ state: "ready" });
  });

  it("that nobody took away are gone after a restart; kept ones stay", async () => {
    const own = await startTestServer();
    const target = join(own.directory, "backups");
    try {
      for (const keep of [true, false]) {
        const { id } = await own.admin.backups.createBackup({ keep });
        while ((await own.admin.backups.getBackup({ backupId: id })).state === "running");
      }
      writeFileSync(join(target, "signet-20200101T000000Z-abcdef-kept.tar.partial"), "half");
      writeFileSync(join(target, "notes.txt"), "mine");
      expect(readdirSync(target)).toHaveLength(6);
      await own.server[Symbol.asyncDispose]();
      const { startServer } = await import("../../src/server/server.js");
      const { testConfig } = await import("../support/server.js");
      await using again = await startServer(testConfig({ SIGNET_DATA: own.directory }));
      expect(again.firstStart).toBeNull();
      const left = readdirSync(target);
      expect(left).toHaveLength(3);
      expect(left.filter((name) => name.includes("kept"))).toHaveLength(2);
      expect(left).toContain("notes.txt");
    } finally {
      await own[Symbol.asyncDispose]();
    }
    expect(existsSync(target)).toBe(false);
  });
});
