import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/config.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { runSignet } from "./in-process.js";

const ADMIN = "an-admin-token-that-the-test-chose";

interface RotationJson {
  readonly current: { readonly key_id: string };
  readonly next: { readonly key_id: string } | null;
}

describe("signet keys", () => {
  const folder = mkdtempSync(join(tmpdir(), "signet-keys-"));
  let server: RunningServer;
  beforeAll(async () => {
    const environment = { SIGNET_ADMIN_TOKEN: ADMIN };
    server = await startServer(loadConfig(environment, { port: "0", data: join(folder, "data"), logLevel: "silent" }));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const signet = (argv: readonly string[], stdin = "") =>
    runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: ADMIN }, stdin });
  const json = async (argv: readonly string[]) => {
    const { exitCode, out, err } = await signet([...argv, "--json"]);
    expect(exitCode, err).toBe(0);
    return JSON.parse(out) as RotationJson;
  };
  const pems = async () => (await signet(["keys", "--pem"])).out.match(/BEGIN PUBLIC KEY/g)?.length;

  it("rotates the key for attestation, and replaces one that leaked in one step", async () => {
    const of = (...argv: string[]) => [...argv, "--purpose", "attestation"];
    const { current, next } = await json(of("keys", "rotate"));
    expect((await signet(["keys"])).out).toMatch(new RegExp(`^${next?.key_id} +attestation +next +server`, "m"));
    expect((await signet(of("keys", "--pem"))).out.match(/BEGIN PUBLIC KEY/g)).toHaveLength(2);
    const status = await signet(of("keys", "status"));
    expect(status.out).toMatch(/^roots +0 name the next key, 0 do not for all activations and leases$/m);
    expect((await json(["keys", "status"])).next).toBeNull();
    const activated = await signet(of("keys", "activate"));
    expect(activated.out).toContain(`activated ${next?.key_id}\n`);
    expect((await signet(["keys", "retire", current.key_id])).out).toContain(`retired ${current.key_id}\n`);
    const now = await json(of("keys", "rotate", "--now", "--reason", "seized"));
    expect([now.next, now.current.key_id === next?.key_id]).toEqual([null, false]);
    const refused = await signet(["keys", "rotate", "--now"]);
    expect({ code: refused.exitCode, err: refused.err }).toMatchObject({
      ...{ code: 6, err: expect.stringContaining("attestation keys only") as string },
    });
    expect((await signet(["keys", "rotate", "--purpose", "audit"])).exitCode).toBe(2);
  });

  it("announces, shows, withdraws, activates and retires", async () => {
    const missing = await signet(["keys", "activate"]);
    expect({ code: missing.exitCode, err: missing.err }).toMatchObject({
      code: 4,
      err: expect.stringContaining("rotate") as string,
    });
    const first = await signet(["publish", "--env", "dev", "-f", "-"], '{"n": 1}');
    expect(first.exitCode, first.err).toBe(0);

    const { current, next } = await json(["keys", "rotate", "--reason", "yearly"]);
    const nextId = next?.key_id ?? "";
    expect(nextId).toMatch(/^[0-9a-f]{16}$/);
    expect(await pems()).toBe(2);
    expect((await signet(["keys"])).out).toMatch(new RegExp(`^${nextId} +bundles +next +server`, "m"));
    expect((await signet(["keys", "rotate"])).exitCode).toBe(5);
    const status = await signet(["keys", "status"]);
    expect(status.out).toMatch(/^instances +0 live: 0 trust the next key, 0 do not, 0 did not say$/m);

    expect((await signet(["keys", "withdraw", nextId])).out).toContain(`withdrew ${nextId}\n`);
    expect(await pems()).toBe(1);
    const again = (await json(["keys", "rotate"])).next?.key_id ?? "";
    const activated = await signet(["keys", "activate"]);
    expect(activated.out).toContain(`activated ${again}\n`);

    const inUse = await signet(["keys", "retire", current.key_id]);
    expect({ code: inUse.exitCode, err: inUse.err }).toMatchObject({
      code: 5,
      err: expect.stringContaining('"dev"') as string,
    });
    const pinned = await signet(["activate", "1", "--env", "dev"]);
    expect(pinned.err).toContain("version 1 is signed with the previous key");
    await signet(["publish", "--env", "dev", "-f", "-"], '{"n": 2}');
    const retired = await signet(["keys", "retire", current.key_id, "--reason", "replaced"]);
    expect(retired.out).toContain(`retired ${current.key_id}\n`);
    const refused = await signet(["activate", "1", "--env", "dev"]);
    expect({ code: refused.exitCode, err: refused.err }).toMatchObject({
      code: 5,
      err: expect.stringContaining("is retired") as string,
    });

    const audit = await signet(["audit", "list", "--action", "key.*"]);
    for (const action of ["announced", "withdrawn", "activated", "retired"])
      expect(audit.out).toContain(`key.${action}`);
  });

  it.each([
    [["keys", "activate", "short"], 6],
    [["keys", "withdraw", "0123456789abcdef"], 4],
    [["keys", "retire", "0123456789abcdef"], 4],
    [["keys", "retire"], 2],
    [["keys", "status", "--env", "dev"], 2],
  ])("%j ends with %i", async (argv, exitCode) => {
    expect((await signet(argv)).exitCode).toBe(exitCode);
  });
});
