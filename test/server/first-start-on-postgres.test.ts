import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer } from "../../src/server/server.js";
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
});
