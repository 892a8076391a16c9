import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDataDirectory } from "../../src/server/database/data-directory.js";
import type { OnUpgrade } from "../../src/server/database/upgrade-copy.js";
import { SmallDisk } from "../chaos/small-disk.js";

const KEPT = join(import.meta.dirname, "../upgrade/directories");
const OLDEST = readdirSync(KEPT)[0] ?? "";

describe("the copy before an upgrade", () => {
  let path = "";
  let told: Parameters<OnUpgrade>[0][] = [];

  const stepsOf = (file: string) => {
    const database = new Database(file, { readonly: true });
    try {
      return database.prepare("select name from kysely_migration order by name").pluck().all() as string[];
    } finally {
      database.close();
    }
  };
  const unpack = (directory: string) => {
    for (const name of readdirSync(join(KEPT, OLDEST))) {
      const from = join(KEPT, OLDEST, name);
      if (name.endsWith(".gz")) writeFileSync(join(directory, name.slice(0, -3)), gunzipSync(readFileSync(from)));
      else copyFileSync(from, join(directory, name));
    }
    for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o600);
  };
  const open = (options: { withoutUpgradeCopy?: boolean } = {}, directory = path) =>
    openDataDirectory({
      ...{ path: directory, signingKey: null, synchronous: "full", create: true, nativeDirectory: null, ...options },
      onUpgrade: (upgrade) => told.push(upgrade),
    });

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "signet-upgrade-copy-"));
    told = [];
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));

  it("is the database as it was, private, and told of; a database that is new or up to date gets none", async () => {
    unpack(path);
    const before = stepsOf(join(path, "signet.db"));
    await (await open())[Symbol.asyncDispose]();
    const copy = join(path, "backups", `before-${told[0]?.steps[0] ?? ""}.db`);
    expect(told).toEqual([{ steps: expect.arrayContaining(["0014-deletions"]) as string[], copy }]);
    expect(stepsOf(copy)).toEqual(before);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "backups")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(path, "backups"))).toEqual([copy.split("/").at(-1)]);
    expect(new Database(copy).pragma("integrity_check", { simple: true })).toBe("ok");

    await (await open())[Symbol.asyncDispose]();
    expect(told).toHaveLength(1);
    rmSync(path, { recursive: true });
    mkdirSync(path);
    await (await open())[Symbol.asyncDispose]();
    expect(existsSync(join(path, "backups"))).toBe(false);
  });

  it("can be opened again in place of the upgraded one", async () => {
    unpack(path);
    await (await open())[Symbol.asyncDispose]();
    const copy = told[0]?.copy ?? "";
    for (const name of ["signet.db", "signet.head"]) rmSync(join(path, name));
    copyFileSync(copy, join(path, "signet.db"));
    await using again = await open();
    expect(await again.store.read.operatorOrganization()).not.toBeNull();
  });

  it("is kept of the last two upgrades", async () => {
    unpack(path);
    mkdirSync(join(path, "backups"), { mode: 0o700 });
    for (const [index, name] of ["before-0001-a.db", "before-0002-b.db", "mine.db"].entries()) {
      writeFileSync(join(path, "backups", name), "");
      utimesSync(join(path, "backups", name), index + 1, index + 1);
    }
    await (await open())[Symbol.asyncDispose]();
    const newest = told[0]?.copy?.split("/").at(-1);
    expect(readdirSync(join(path, "backups")).sort()).toEqual(["before-0002-b.db", newest, "mine.db"].sort());
  });

  it("is left out on request", async () => {
    unpack(path);
    await (await open({ withoutUpgradeCopy: true }))[Symbol.asyncDispose]();
    expect(told).toEqual([{ steps: expect.any(Array) as string[], copy: null }]);
    expect(existsSync(join(path, "backups"))).toBe(false);
  });

  it.runIf(SmallDisk.isPermitted())("that finds no space refuses the upgrade and says what to do", async () => {
    using disk = new SmallDisk(8);
    unpack(disk.path);
    chmodSync(disk.path, 0o700);
    const before = stepsOf(join(disk.path, "signet.db"));
    disk.fill(64 * 1024);
    await expect(open({}, disk.path)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^not enough disk space: .* The database was not upgraded\. Make room/) as string,
    });
    disk.makeRoom();
    expect(stepsOf(join(disk.path, "signet.db"))).toEqual(before);
    await (await open({}, disk.path))[Symbol.asyncDispose]();
  });

  it("is named by the error of an upgrade that fails, which changes nothing", async () => {
    unpack(path);
    const database = new Database(join(path, "signet.db"));
    // What the last migrations add is there already.
    database.exec("alter table projects add column deleted_at text");
    database.close();
    const before = stepsOf(join(path, "signet.db"));
    await expect(open()).rejects.toMatchObject({
      message: expect.stringMatching(
        /could not be migrated: .*; nothing was changed\. The database from before the upgrade is .*before-.*"Going back"$/,
      ) as string,
    });
    expect(stepsOf(join(path, "signet.db"))).toEqual(before);
  });
});
