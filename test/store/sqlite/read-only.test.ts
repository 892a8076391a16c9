import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { openReadOnly } from "../../../src/store/sqlite/read-only.js";
import { useDirectory } from "../temporary-store.js";

describe("a database that is opened only to be read", () => {
  const directory = useDirectory();
  const file = () => path.join(directory.path, "signet.db");

  /** Files of the database that this process has open. */
  function openFiles(): readonly string[] {
    return readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${fd}`);
        return target.startsWith(file()) ? [target] : [];
      } catch {
        // The one that lists them is closed by now.
        return [];
      }
    });
  }

  it("answers look-ups, and refuses changes with the reason", async () => {
    await (await openSqliteStore({ file: file() }))[Symbol.asyncDispose]();
    const opened = await openReadOnly({ file: file() }, "the disk is full");
    expect(await opened!.store.read.operatorOrganization()).toBeNull();
    await expect(opened!.store.write(async () => undefined)).rejects.toMatchObject({
      code: "unavailable",
      message: "read-only: the disk is full",
    });
    await opened!.store[Symbol.asyncDispose]();
    expect(openFiles()).toEqual([]);
  });

  it.each([
    ["needs a migration", "create table kysely_migration (name text)", null],
    ["cannot say which migrations it has", "create table kysely_migration (other text)", "no such column"],
  ])("is closed when it %s", async (_name, schema, error) => {
    const database = new Database(file());
    database.exec(schema);
    database.close();
    const opening = openReadOnly({ file: file() }, "the disk is full");
    if (error === null) expect(await opening).toBeNull();
    else await expect(opening).rejects.toMatchObject({ cause: { message: expect.stringContaining(error) as string } });
    expect(openFiles()).toEqual([]);
  });
});
