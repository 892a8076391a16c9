import path from "node:path";
import { describe, expect, it } from "vitest";
import { connectToRead, connectToWrite } from "../../../src/store/sqlite/connect.js";
import { openSqliteStore } from "../../../src/store/sqlite/open.js";
import { useDirectory } from "../temporary-store.js";

describe("a connection", () => {
  const directory = useDirectory();
  const file = () => path.join(directory.path, "signet.db");

  async function makeDatabase(): Promise<void> {
    await (await openSqliteStore({ file: file() }))[Symbol.asyncDispose]();
  }

  it.each([
    ["by itself", {}, 2],
    ["full", { synchronous: "full" as const }, 2],
    ["normal", { synchronous: "normal" as const }, 1],
  ])("that writes has what makes a commit durable: %s", async (_case, options, synchronous) => {
    await makeDatabase();
    const database = connectToWrite({ file: file(), ...options });
    try {
      const settings = ["journal_mode", "synchronous", "foreign_keys", "busy_timeout", "temp_store"];
      expect(settings.map((name) => database.pragma(name, { simple: true }))).toStrictEqual([
        "wal",
        synchronous,
        1,
        5000,
        2,
      ]);
    } finally {
      database.close();
    }
  });

  it("that reads cannot write", async () => {
    await makeDatabase();
    const writing = connectToWrite({ file: file(), busyTimeoutMs: 7 });
    const reading = connectToRead({ file: file(), busyTimeoutMs: 7 });
    try {
      expect(reading.pragma("busy_timeout", { simple: true })).toBe(7);
      expect(() => reading.exec("delete from public_keys")).toThrow("readonly");
    } finally {
      reading.close();
      writing.close();
    }
  });
});
