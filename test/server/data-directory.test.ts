import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDataDirectory, type DataDirectory } from "../../src/server/database/data-directory.js";
import { createSignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { openSqliteStore } from "../../src/store/sqlite/open.js";
import { findProject } from "../chaos/find-project.js";
import { startServerProcess } from "../chaos/server-process.js";
import { ADMIN_TOKEN } from "../support/server.js";

describe("a data directory", () => {
  let path = "";
  const opened: DataDirectory[] = [];

  const open = async () => {
    const options = { path, signingKey: null, synchronous: "full", create: true, nativeDirectory: null } as const;
    const directory = await openDataDirectory(options);
    opened.push(directory);
    return directory;
  };

  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "signet-data-"));
  });
  afterEach(async () => {
    for (const directory of opened.splice(0)) await directory[Symbol.asyncDispose]();
    rmSync(path, { recursive: true, force: true });
  });

  it("has one owner, also when its lock file was removed", async () => {
    await open();
    rmSync(join(path, "signet.lock"));
    await expect(open()).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("was its signet.lock removed?") as string,
    });
  });

  it("that cannot be created is refused, also where Node's recursive mkdir would never return", async () => {
    const made = path;
    for (path of ["/proc/signet", "/proc/signet/data", "/dev/null/data"]) {
      await expect(open()).rejects.toMatchObject({
        ...{ code: "unavailable", message: `cannot create the data directory ${path}` },
      });
    }
    path = made;
  });

  it("may be looked into by others while it has no owner", async () => {
    await (await open())[Symbol.asyncDispose]();
    const shell = new Database(join(path, "signet.db"));
    try {
      shell.prepare("select count(*) from organizations").get();
      await open();
    } finally {
      shell.close();
    }
  });

  it("that was taken over in spite of all ends the server that had it", async () => {
    const server = await startServerProcess(path, { SIGNET_SHUTDOWN_GRACE_MS: "0" });
    const store = await openSqliteStore({ file: join(path, "signet.db"), owner: { accept: null } });
    const answer = await fetch(`${server.url}/v1/orgs`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
      body: '{"name":"late"}',
    });
    expect(answer.status).toBe(503);
    expect(await server.ended).toStrictEqual({ code: 7, signal: null });
    await store[Symbol.asyncDispose]();
  });

  it("without its log after a kill is refused, and accepted on other sequences", async () => {
    const killed = await startServerProcess(path);
    const publish = async (url: string) => {
      using connection = openNodeTransport({ url, timeoutMs: 30_000 });
      const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
      const policies = JSON.stringify({ at: Math.random() });
      const where = await findProject(client);
      return (await client.bundles.publishBundle({ ...where, envName: "dev", policies })).sequence;
    };
    // So that the database file has the first start in it.
    await publish(killed.url);
    await killed.end("SIGTERM");
    const again = await startServerProcess(path);
    expect(await publish(again.url)).toBe(2);
    await again.end("SIGKILL");
    for (const suffix of ["-wal", "-shm"]) rmSync(join(path, `signet.db${suffix}`));

    await expect(startServerProcess(path)).rejects.toThrow("commits that were acknowledged are missing");
    const accepted = await startServerProcess(path, { SIGNET_ACCEPT_LOSS: "yes" });
    expect(await publish(accepted.url)).toBe(1_000_002);
    await accepted.end("SIGTERM");
    const after = await startServerProcess(path);
    expect(await publish(after.url)).toBe(1_000_003);
    await after.end("SIGTERM");
  });
});
