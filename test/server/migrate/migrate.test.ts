import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { undoMarkOfDatabase, undoMarkOfDirectory } from "../../../src/server/migrate/undo-mark.js";
import { openDataDirectory } from "../../../src/server/database/data-directory.js";
import { KEY_FILE_OF } from "../../../src/service/keys/key-files.js";
import { writeMark } from "../../../src/store/move-mark.js";
import { PostgresBulk } from "../../../src/store/postgres/bulk.js";
import { SqliteBulk } from "../../../src/store/sqlite/bulk.js";
import { testConfig } from "../../support/server.js";
import { openOnPostgres } from "../../store/temporary-store.js";
import { SIGNING_KEY } from "../../upgrade/history.js";
import { Moving } from "./moving.js";

const moving = new Moving();

function open(data: string) {
  const { synchronous } = testConfig({});
  return openDataDirectory({ path: data, signingKey: SIGNING_KEY, synchronous, create: false, nativeDirectory: null });
}

describe("a move there and back", () => {
  it("brings every row, marks what it came from, and says so in the audit", async () => {
    const data = moving.unpack();
    const there = await moving.toPostgres(data);
    expect(there.verified?.bundles).toBeGreaterThan(0);
    expect(there.verified?.auditEvents).toBeGreaterThan(5);
    expect(there.tables.map(({ rows }) => rows).filter((rows) => rows > 0).length).toBeGreaterThan(10);
    await expect(open(data)).rejects.toMatchObject({ code: "conflict", reason: "store_moved" });
    {
      await using store = await openOnPostgres((await moving.database()).url);
      const operator = await store.read.operatorOrganization();
      expect(await store.read.auditHead(operator?.id ?? "")).toMatchObject({
        ...{ action: "server.migrated", actor: "operator" },
        metadata: { from: "sqlite", to: "postgres", moved_from: `the data directory ${data}` },
      });
    }

    const target = join(moving.folder, "back");
    const back = await moving.toSqlite(target);
    const changed = new Set(["audit_events"]);
    const unchanged = (tables: typeof back.tables) => tables.filter(({ name }) => !changed.has(name));
    expect(unchanged(back.tables)).toEqual(unchanged(there.tables));
    await expect(openOnPostgres((await moving.database()).url)).rejects.toMatchObject({ reason: "store_moved" });
    await using directory = await open(target);
    for (const file of Object.values(KEY_FILE_OF).filter((name) => existsSync(join(data, name)))) {
      expect(readFileSync(join(target, file))).toEqual(readFileSync(join(data, file)));
    }
    const operator = await directory.store.read.operatorOrganization();
    expect(await directory.store.read.auditHead(operator?.id ?? "")).toMatchObject({
      ...{ action: "server.migrated", metadata: { from: "postgres", to: "sqlite" } },
    });
  });
});

/** Aborts at the n-th sign of life of a step. */
function abortAt(step: string, n: number) {
  const stop = new AbortController();
  let seen = 0;
  return {
    signal: stop.signal,
    onProgress: (progress: { readonly step: string }) => {
      if (progress.step !== step) return;
      seen += 1;
      if (seen === n) stop.abort(new Error("interrupted here"));
    },
  };
}

describe("an interrupted move", () => {
  it.each([
    ["copying", 9],
    ["comparing", 12],
    ["verifying the audit", 1],
    ["verifying bundles", 1],
  ])(
    "to PostgreSQL while %s leaves a source that starts and a target that does not; the next one ends it",
    async (step, n) => {
      const data = moving.unpack();
      await expect(moving.toPostgres(data, abortAt(step, n))).rejects.toThrow("interrupted here");
      await (await open(data))[Symbol.asyncDispose]();
      await expect(openOnPostgres((await moving.database()).url)).rejects.toMatchObject({
        ...{ code: "conflict", reason: "move_unfinished" },
        message: expect.stringContaining("run signet migrate again"),
      });
      const moved = await moving.toPostgres(data);
      expect(moved.rows).toBeGreaterThan(20);
      await using store = await openOnPostgres((await moving.database()).url);
      expect(await store.read.operatorOrganization()).not.toBeNull();
    },
  );

  it("to SQLite leaves a database that nodes start on and no directory", async () => {
    await moving.toPostgres(moving.unpack());
    const target = join(moving.folder, "back");
    await expect(moving.toSqlite(target, abortAt("verifying the audit", 1))).rejects.toThrow("interrupted here");
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(moving.folder).filter((name) => name.startsWith("back"))).toEqual([]);
    await (await openOnPostgres((await moving.database()).url))[Symbol.asyncDispose]();
    await moving.toSqlite(target);
    await (await open(target))[Symbol.asyncDispose]();
    for (const name of readdirSync(target).filter((it) => it.endsWith(".pem") || it === "signet.db"))
      expect([name, statSync(join(target, name)).mode & 0o777]).toEqual([name, 0o600]);
  });
});

describe("a move that was killed after the rows were committed", () => {
  /** As before its release: no node starts on it. */
  async function takeBackRelease(data: string, id: string): Promise<void> {
    const { database } = await moving.options(data);
    await using target = await PostgresBulk.open(database);
    await using source = SqliteBulk.openToRead({ file: join(data, "signet.db") });
    const mark = {
      state: "unfinished",
      id,
      source: source.databaseId,
      other: data,
      at: "2026-01-02T03:04:05.678Z",
    } as const;
    await target.transaction((_tx, db) => writeMark(db, mark));
  }

  it("is ended by the next one, when the source is marked already", async () => {
    const data = moving.unpack();
    const { id } = await moving.toPostgres(data);
    await takeBackRelease(data, id);
    expect(await moving.toPostgres(data)).toMatchObject({ id, verified: null });
    await (await openOnPostgres((await moving.database()).url))[Symbol.asyncDispose]();
    await expect(open(data)).rejects.toMatchObject({ reason: "store_moved" });
  });

  it("is begun anew, when the source is not marked and was used since", async () => {
    const data = moving.unpack();
    const { id } = await moving.toPostgres(data);
    await takeBackRelease(data, id);
    const { config } = await moving.options(data);
    await undoMarkOfDirectory(config);
    const notices: string[] = [];
    const moved = await moving.toPostgres(data, { onNotice: (text) => notices.push(text) });
    expect(notices.join()).toContain("was changed since the interrupted migration");
    expect(moved.verified?.auditEvents).toBeGreaterThan(5);
    await using store = await openOnPostgres((await moving.database()).url);
    const operator = await store.read.operatorOrganization();
    const { rows } = await store.read.auditEvents({ orgId: operator?.id ?? "", limit: 3 });
    expect(rows.map(({ action }) => action).slice(0, 2)).toEqual(["server.migrated", "server.migration_undone"]);
  });
});

describe("a move is refused", () => {
  it("while a server has the data directory", async () => {
    const data = moving.unpack();
    await using _server = await open(data);
    await expect(moving.toPostgres(data)).rejects.toMatchObject({ code: "conflict" });
  });

  it("into a database, or a directory, that has something else in it", async () => {
    const data = moving.unpack();
    const copy = join(moving.folder, "copy");
    cpSync(data, copy, { recursive: true });
    await moving.toPostgres(data);
    await expect(moving.toPostgres(copy)).rejects.toMatchObject({ code: "conflict", reason: "not_empty" });
    // The refused one is as it was.
    await (await open(copy))[Symbol.asyncDispose]();
    const target = join(moving.folder, "back");
    mkdirSync(target, { mode: 0o700 });
    writeFileSync(join(target, "notes"), "mine");
    await expect(moving.toSqlite(target)).rejects.toMatchObject({ code: "conflict", reason: "not_empty" });
    await expect(moving.toSqlite(copy)).rejects.toMatchObject({ code: "conflict", reason: "not_empty" });
    expect(readdirSync(target)).toEqual(["notes"]);
  });

  it("with another secret, or without the key that is a setting", async () => {
    await moving.toPostgres(moving.unpack());
    const target = join(moving.folder, "back");
    const other = { SIGNET_KEY_SECRET: "another secret, long enough to be one" };
    await expect(moving.toSqlite(target, {}, other)).rejects.toMatchObject({ code: "invalid" });
    await expect(moving.toSqlite(target, {}, { SIGNET_SIGNING_KEY: "" })).rejects.toMatchObject({
      ...{ code: "signing_failed", message: expect.stringContaining("SIGNET_SIGNING_KEY") },
    });
    expect(existsSync(target)).toBe(false);
  });

  it("while a node runs on the database", async () => {
    await moving.toPostgres(moving.unpack());
    const now = new Date().toISOString();
    const node = { id: "0b0c0d0e-0000-4000-8000-000000000001", name: "node-1", version: "0.1.0", url: null };
    const told = { startedAt: now, seenAt: now, streams: 0, polls: 0, schema: "0024", lagMs: 0, problem: null };
    {
      await using store = await openOnPostgres((await moving.database()).url);
      await store.write((tx) => tx.putNode({ ...node, ...told, stoppingAt: null }, "2000-01-01T00:00:00.000Z"));
    }
    await expect(moving.toSqlite(join(moving.folder, "back"))).rejects.toMatchObject({
      ...{ code: "conflict", message: expect.stringContaining("node-1") },
    });
  });

  it("from a store that was moved, until its mark is undone", async () => {
    const data = moving.unpack();
    await moving.toPostgres(data);
    await expect(moving.toPostgres(data)).rejects.toMatchObject({ reason: "store_moved" });
    const { config, database } = await moving.options(data);
    expect(await undoMarkOfDirectory(config)).toMatchObject({ state: "moved" });
    await (await open(data))[Symbol.asyncDispose]();
    await expect(undoMarkOfDirectory(config)).rejects.toMatchObject({ code: "conflict" });

    const target = join(moving.folder, "back");
    await moving.toSqlite(target);
    await expect(moving.toSqlite(join(moving.folder, "third"))).rejects.toMatchObject({ reason: "store_moved" });
    await undoMarkOfDatabase(config, database);
    await using store = await openOnPostgres(database.url);
    const operator = await store.read.operatorOrganization();
    expect(await store.read.auditHead(operator?.id ?? "")).toMatchObject({ action: "server.migration_undone" });
  });
});
