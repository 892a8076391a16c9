import { existsSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import type { Store } from "../../../src/store/store.js";
import { anOrganization } from "../sample.js";
import { useDirectory } from "../temporary-store.js";

describe("openSqliteStore", () => {
  const directory = useDirectory();
  const file = () => path.join(directory.path, "signet.db");
  const opened: Store[] = [];

  async function open(options: object = {}): Promise<Store> {
    const store = await openSqliteStore({ file: file(), ...options });
    opened.push(store);
    return store;
  }

  afterEach(async () => {
    for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
  });

  it("keeps the database and its log for the owner only", async () => {
    const store = await open();
    await store.write((tx) => tx.insertOrganization(anOrganization()));
    for (const suffix of ["", "-wal", "-shm"]) {
      expect(statSync(file() + suffix).mode & 0o777).toBe(0o600);
    }
  });

  it("takes the mode of an existing file back to the owner's", async () => {
    writeFileSync(file(), "", { mode: 0o644 });
    await open();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it("refuses a directory that is not there", async () => {
    const missing = path.join(directory.path, "none", "signet.db");
    await expect(openSqliteStore({ file: missing })).rejects.toMatchObject({ code: "unavailable" });
    expect(existsSync(path.dirname(missing))).toBe(false);
  });

  it("refuses what is not a database, and leaves it as it is", async () => {
    writeFileSync(file(), "this is my diary. ".repeat(100));
    await expect(open()).rejects.toMatchObject({
      code: "internal",
      message: `cannot open the database ${file()}: the file is not a database (SQLITE_NOTADB)`,
    });
    expect(statSync(file()).size).toBe(1800);
  });

  it("answers unavailable when another process keeps the database locked, at the end of the time-out", async () => {
    const store = await open({ busyTimeoutMs: 0 });
    const other = new Database(file());
    try {
      other.exec("begin immediate");
      const organization = anOrganization();
      await expect(store.write((tx) => tx.insertOrganization(organization))).rejects.toMatchObject({
        code: "unavailable",
        message: "the database is busy (SQLITE_BUSY)",
      });
      expect(await store.read.organization(organization.id)).toBeNull();
      other.exec("rollback");
      await store.write((tx) => tx.insertOrganization(organization));
    } finally {
      other.close();
    }
  });

  it("answers unavailable after it was closed, however often that is", async () => {
    const store = await open();
    await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()]);
    await store[Symbol.asyncDispose]();
    let ran = false;
    const calls = [
      store.ping(),
      store.read.organization("o"),
      store.read.bundles("e", 1),
      store.write(async () => {
        ran = true;
      }),
    ];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: "unavailable", message: "the database is closed" });
    }
    expect(ran).toBe(false);
  });

  it("finishes the writes that were asked for before it was closed, and no others", async () => {
    const store = await open();
    const [first, second, late] = [anOrganization(), anOrganization(), anOrganization()];
    const writes = [first, second].map((it) => store.write((tx) => tx.insertOrganization(it)));
    await store.ping();
    const closed = store[Symbol.asyncDispose]();
    await expect(store.write((tx) => tx.insertOrganization(late))).rejects.toMatchObject({ code: "unavailable" });
    await Promise.all([...writes, closed]);
    const again = await open();
    expect((await again.read.organizations({ limit: 9, offset: 0 })).total).toBe(2);
    expect(await again.read.organization(late.id)).toBeNull();
  });

  it("leaves one file behind when it is closed", async () => {
    const store = await open();
    await store.write((tx) => tx.insertOrganization(anOrganization()));
    await store[Symbol.asyncDispose]();
    for (const suffix of ["-wal", "-shm"]) expect(existsSync(file() + suffix)).toBe(false);
  });
});
