import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../src/core/clock.js";
import { openDataDirectory, type DataDirectory } from "../../../src/server/database/data-directory.js";
import { auditOf, makeFirst } from "./first-organization.js";
import { readArchive } from "../../../src/service/backups/archive-reader.js";
import { BackupFiles } from "../../../src/service/backups/backup-files.js";
import { Backups } from "../../../src/service/backups/backups.js";
import { makeBackup } from "../../../src/service/backups/make-backup.js";
import { readKeyFiles } from "../../../src/service/backups/read-keys.js";
import { openSealedKeys } from "../../../src/service/backups/sealed-keys.js";
import { SmallDisk } from "../../chaos/small-disk.js";

const PASSPHRASE = "correct horse battery";
const HOUR_MS = 3_600_000;

describe("scheduled backups", () => {
  let path = "";
  let directory: DataDirectory;
  let now = new Date();
  const clock: Clock = { now: () => now, monotonicMs: () => now.getTime() };
  const ended: string[] = [];

  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), "signet-scheduled-"));
    const options = { path, signingKey: null, synchronous: "full", create: true, nativeDirectory: null } as const;
    directory = await openDataDirectory(options);
    await makeFirst(directory);
    now = new Date("2026-11-28T12:00:00.000Z");
    ended.length = 0;
  });
  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
    rmSync(path, { recursive: true, force: true });
  });

  const open = (target = join(path, "backups")) => {
    const { store, keys, database } = directory;
    return new Backups({
      ...{ store, clock, audit: auditOf(directory, clock), keys, database, make: makeBackup, programVersion: "test" },
      files: new BackupFiles(target),
      onEnd: (backup, error) => ended.push(error === null ? backup.state : error.message),
      secrets: () => ({ files: readKeyFiles(path, null), passphrase: PASSPHRASE }),
    });
  };
  const tars = (target = join(path, "backups")) => readdirSync(target).filter((name) => name.endsWith(".tar"));

  it("are made when they are due, with the keys, and the newest are kept", async () => {
    await using backups = open();
    await backups.open();
    expect(backups.lastSuccess).toBeNull();
    await backups.createIfDue(24);
    await backups.createIfDue(24);
    now = new Date(now.getTime() + 23 * HOUR_MS);
    await backups.createIfDue(24);
    expect(tars()).toHaveLength(1);
    now = new Date(now.getTime() + HOUR_MS);
    await backups.createIfDue(24);
    expect(ended).toEqual(["ready", "ready"]);
    expect(backups.lastSuccess).toBe("2026-11-29T12:00:00.000Z");
    await backups.prune(1);
    const [name = "", ...others] = tars();
    expect(others).toEqual([]);
    expect(name).toMatch(/^signet-20261129T120000Z-[0-9a-f]{6}-scheduled\.tar$/);

    const { sealedKeys, manifest } = await readArchive(join(path, "backups", name), { database: null });
    expect(Object.keys(await openSealedKeys(sealedKeys ?? "", PASSPHRASE))).toContain("audit-signing-key.pem");
    expect(manifest).toMatchObject({ createdAt: "2026-11-29T12:00:00.000Z", programVersion: "test" });
    await using again = open();
    await again.open();
    expect(again.lastSuccess).toBe("2026-11-29T12:00:00.000Z");
  });

  it("that fail are tried again after a quarter of an hour", async () => {
    const target = join(path, "no-directory");
    writeFileSync(target, "");
    await using backups = open(target);
    await expect(backups.createIfDue(1)).rejects.toMatchObject({ code: "unavailable" });
    await backups.createIfDue(1);
    now = new Date(now.getTime() + HOUR_MS / 4);
    rmSync(target);
    await backups.createIfDue(1);
    expect(tars(target)).toHaveLength(1);
  });

  it.runIf(SmallDisk.isPermitted())("that find no space say so, and leave nothing", async () => {
    using disk = new SmallDisk(2);
    disk.fill(300 * 1024);
    const target = join(disk.path, "backups");
    await using backups = open(target);
    await expect(backups.createIfDue(1)).rejects.toMatchObject({
      ...{ code: "unavailable", message: expect.stringMatching(/^not enough disk space: a backup needs/) as string },
    });
    expect(readdirSync(target)).toEqual([]);
    expect((await backups.list())[0]).toMatchObject({ state: "failed" });
    expect(ended).toEqual([expect.stringContaining("not enough disk space")]);
  });
});
