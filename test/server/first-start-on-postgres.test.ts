import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer } from "../../src/server/server.js";
import { runSignet } from "../cli/in-process.js";
import { SECRET } from "../service/keys/shared-node.js";
import { useDirectory } from "../store/temporary-store.js";
import { testDatabase } from "../support/postgres/test-database.js";

const log = pino({ level: "silent" });

describe("the first start of several nodes on one database", () => {
  const directory = useDirectory();

  function start(url: string, name: string, settings: Readonly<Record<string, string>> = {}) {
    const data = join(directory.path, name);
    const environment = { SIGNET_DATABASE_URL: url, SIGNET_KEY_SECRET: SECRET, SIGNET_DATA: data, SIGNET_PORT: "0" };
    return startServer(loadConfig({ ...environment, ...settings }), log);
  }

  const statusOf = async (url: string, token: string) =>
    (await fetch(`${url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).status;

  it("makes one organization, one token and one set of keys, and leaves no file that does not work", async () => {
    await using database = await testDatabase();
    const nodes = await Promise.all(["a", "b", "c"].map((name) => start(database.url, name)));
    try {
      const first = nodes.filter(({ firstStart }) => firstStart !== null);
      expect(first).toHaveLength(1);
      const withFile = nodes.filter(({ adminTokenFile }) => existsSync(adminTokenFile));
      expect(withFile).toEqual(first);
      const token = readFileSync(withFile[0]?.adminTokenFile ?? "", "utf8").trim();
      expect(token).toBe(first[0]?.firstStart?.adminToken);
      for (const { url } of nodes) expect(await statusOf(url, token)).toBe(200);
      for (const { dataDirectory } of nodes) {
        const files = readdirSync(dataDirectory).filter((name) => /key|next/.test(name));
        expect(files).toEqual([]);
      }
    } finally {
      for (const node of nodes) await node[Symbol.asyncDispose]();
    }
  });

  it("refuses a node without the secret, and with another one, in words that name the setting", async () => {
    await using database = await testDatabase();
    await using _first = await start(database.url, "a");
    for (const secret of ["", SECRET.toLowerCase()]) {
      await expect(start(database.url, "b", { SIGNET_KEY_SECRET: secret })).rejects.toThrow(/^SIGNET_KEY_SECRET /);
    }
  });

  it("leaves the data directory of a server on SQLite as it is, unless its data was moved", async () => {
    await using database = await testDatabase();
    const own = { SIGNET_DATABASE_URL: "", SIGNET_KEY_SECRET: "" };
    const alone = await start("", "sqlite", own);
    await alone[Symbol.asyncDispose]();
    const token = readFileSync(alone.adminTokenFile, "utf8");

    await expect(start(database.url, "sqlite")).rejects.toMatchObject({
      ...{ code: "conflict", reason: "data_not_moved" },
      message: expect.stringContaining(
        "run signet migrate --to postgres, or give this node an empty SIGNET_DATA",
      ) as string,
    });
    expect(readFileSync(alone.adminTokenFile, "utf8")).toBe(token);
    expect(readdirSync(alone.dataDirectory)).not.toContain("admin-token.next");

    const environment = {
      SIGNET_DATABASE_URL: database.url,
      SIGNET_KEY_SECRET: SECRET,
      SIGNET_DATA: alone.dataDirectory,
    };
    const moved = await runSignet(["migrate", "--to", "postgres"], { environment });
    expect(moved.exitCode, moved.err).toBe(0);
    await using node = await start(database.url, "sqlite");
    expect(node.firstStart).toBeNull();
    expect(await statusOf(node.url, token.trim())).toBe(200);
  });

  it.each([
    ["serve", {}, "SIGNET_KEY_SECRET must be set: with SIGNET_DATABASE_URL"],
    ["serve", { SIGNET_KEY_SECRET: SECRET, SIGNET_BACKUP_EVERY: "24" }, "SIGNET_BACKUP_EVERY makes backups of SQLite"],
    ["quickstart", { SIGNET_KEY_SECRET: SECRET }, "SIGNET_DATABASE_URL is set, and the quickstart publishes"],
  ])("refuses to %s with %o before it connects", async (command, settings: Readonly<Record<string, string>>, says) => {
    const environment = { SIGNET_DATABASE_URL: "postgres://signet@127.0.0.1:1/signet", ...settings };
    const data = join(directory.path, "never");
    const { exitCode, out, err } = await runSignet([command, "--data", data], { environment });
    expect(err).toContain(says);
    expect({ exitCode, out, made: existsSync(data) }).toEqual({ exitCode: 2, out: "", made: false });
  });
});
