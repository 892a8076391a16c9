import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer } from "../../src/server/server.js";
import { SECRET } from "../service/keys/shared-node.js";
import { useDirectory } from "../store/temporary-store.js";
import { testDatabase } from "../support/postgres/test-database.js";
import { runSignet } from "./in-process.js";

const NEW_SECRET = SECRET.toLowerCase();
const ADMIN = "an-admin-token-of-the-test";

describe("signet keys reseal", () => {
  const directory = useDirectory();

  function start(url: string, secret: string) {
    const environment = { SIGNET_DATABASE_URL: url, SIGNET_KEY_SECRET: secret, SIGNET_ADMIN_TOKEN: ADMIN };
    return startServer(
      loadConfig({ ...environment, SIGNET_DATA: directory.path, SIGNET_PORT: "0" }),
      pino({ level: "silent" }),
    );
  }

  const reseal = (environment: Readonly<Record<string, string>>) => runSignet(["keys", "reseal"], { environment });

  it("changes the secret, not the keys, and is audited", async () => {
    await using database = await testDatabase();
    const secrets = { SIGNET_KEY_SECRET: SECRET, SIGNET_NEW_KEY_SECRET: NEW_SECRET };
    const keysOf = async (url: string) =>
      (await runSignet(["keys", "--json"], { environment: { SIGNET_URL: url, SIGNET_TOKEN: ADMIN } })).out;
    const first = await start(database.url, SECRET);
    const before = await keysOf(first.url);
    const done = await reseal({ SIGNET_DATABASE_URL: database.url, ...secrets });
    expect(done).toMatchObject({ exitCode: 0, out: "encrypted 5 keys with the new secret\n" });
    expect(done.out + done.err).not.toContain(SECRET);
    await first[Symbol.asyncDispose]();

    await expect(start(database.url, SECRET)).rejects.toThrow("SIGNET_KEY_SECRET does not open the key");
    await using second = await start(database.url, NEW_SECRET);
    expect(await keysOf(second.url)).toBe(before);
    const environment = { SIGNET_URL: second.url, SIGNET_TOKEN: ADMIN };
    const { out } = await runSignet(["audit", "list", "--action", "key.resealed", "--json"], { environment });
    expect(out).toContain('"key.resealed"');
    expect((await runSignet(["audit", "verify"], { environment })).exitCode).toBe(0);
    const again = await reseal({ SIGNET_DATABASE_URL: database.url, ...secrets });
    expect(again.exitCode).toBe(6);
    expect(again.err).toContain("SIGNET_KEY_SECRET does not open the key");
  });

  it.each([
    ["no database", { SIGNET_KEY_SECRET: SECRET }, "SIGNET_KEY_SECRET needs SIGNET_DATABASE_URL"],
    ["no setting at all", {}, "SIGNET_DATABASE_URL must be set"],
    [
      "no new secret",
      { SIGNET_DATABASE_URL: "postgres://signet@127.0.0.1:1/x", SIGNET_KEY_SECRET: SECRET },
      "SIGNET_NEW_KEY_SECRET must be set",
    ],
    [
      "the same secret",
      {
        SIGNET_DATABASE_URL: "postgres://signet@127.0.0.1:1/x",
        SIGNET_KEY_SECRET: SECRET,
        SIGNET_NEW_KEY_SECRET: SECRET,
      },
      "must be another secret",
    ],
  ])("refuses %s before it opens anything", async (_, environment: Readonly<Record<string, string>>, message) => {
    const { exitCode, out, err } = await reseal(environment);
    expect(err).toContain(message);
    expect(exitCode).toBeGreaterThan(0);
    expect(out).toBe("");
  });
});
