import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import { openSqliteStore, type OpenedStore } from "../../../src/store/sqlite/open.js";
import { anOrganization } from "../sample.js";
import { useDirectory } from "../temporary-store.js";
import { startDatabaseThread } from "./start-thread.js";

describe("a store whose writing connection has a thread of its own", () => {
  const directory = useDirectory();
  const file = () => path.join(directory.path, "signet.db");
  const opened: OpenedStore[] = [];
  let worker: Worker;

  async function open(options: object = {}): Promise<OpenedStore> {
    const startThread = (...args: Parameters<typeof startDatabaseThread>) => (worker = startDatabaseThread(...args));
    const store = await openSqliteStore({ file: file(), startThread, ...options });
    opened.push(store);
    return store;
  }

  afterEach(async () => {
    for (const store of opened.splice(0)) await Promise.resolve(store[Symbol.asyncDispose]()).catch(() => undefined);
  });

  it("keeps what is written, and leaves one file", async () => {
    const store = await open();
    const organization = anOrganization();
    await store.write((tx) => tx.insertOrganization(organization));
    expect(await store.read.organization(organization.id)).toStrictEqual(organization);
    await store[Symbol.asyncDispose]();
    await using again = await openSqliteStore({ file: file() });
    expect(await again.read.organization(organization.id)).toStrictEqual(organization);
  });

  it("tells errors as the connection itself does", async () => {
    const store = await open();
    const organization = anOrganization();
    await store.write((tx) => tx.insertOrganization(organization));
    await expect(store.write((tx) => tx.insertOrganization(organization))).rejects.toMatchObject({ code: "conflict" });
    await expect(openSqliteStore({ file: directory.path, startThread: startDatabaseThread })).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  it("tells why the database cannot be opened to an event loop that was busy until the thread had ended", async () => {
    const opening = openSqliteStore({
      file: file(),
      startThread: (...args) => {
        // In its place there is a directory by now: as the thread finds it.
        rmSync(file());
        mkdirSync(file());
        const started = startDatabaseThread(...args);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
        return started;
      },
    });
    await expect(opening).rejects.toMatchObject({ message: expect.stringContaining("SQLITE_") as string });
  });

  it("lets the event loop go on while another process has the database locked", async () => {
    const store = await open({ busyTimeoutMs: 1_000 });
    const other = new Database(file());
    try {
      other.exec("begin immediate");
      const refused = store.write((tx) => tx.insertOrganization(anOrganization()));
      const told: string[] = [];
      const done = refused.catch(({ code }: { code: string }) => void told.push(code));
      // Turns of the event loop and reads of the other connection, before the time-out of the lock is over.
      for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      await store.ping();
      expect(told).toStrictEqual([]);
      await done;
      expect(told).toStrictEqual(["unavailable"]);
    } finally {
      other.close();
    }
    await store.write((tx) => tx.insertOrganization(anOrganization()));
  });

  it("refuses everything, and says so, when the thread ends", async () => {
    const store = await open();
    await worker.terminate();
    await expect(store.lost).resolves.toMatchObject({ message: expect.stringContaining("ended") as string });
    await expect(store.write((tx) => tx.insertOrganization(anOrganization()))).rejects.toMatchObject({
      code: "unavailable",
    });
    await expect(store[Symbol.asyncDispose]()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("knows statements by name again after it forgot them", async () => {
    const store = await open();
    // Each length of a list is a statement of its own; more than the names that are kept.
    for (let count = 1; count <= 520; count += 1) {
      await store.write((tx) =>
        tx.touchTokens(
          Array.from({ length: count }, (_, n) => n + 1),
          "2026-01-01T00:00:00.000Z",
        ),
      );
    }
    const organization = anOrganization();
    await store.write((tx) => tx.insertOrganization(organization));
    expect(await store.read.organization(organization.id)).toStrictEqual(organization);
  });
});
