import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { runSignet } from "../in-process.js";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

const signet = (argv: readonly string[], token = ADMIN_TOKEN) =>
  runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: token } });

interface Found {
  readonly id: string;
  readonly level: string;
}
/** Without what depends on the machine. */
const levels = (out: string) =>
  Object.fromEntries(
    (JSON.parse(out) as { findings: Found[] }).findings
      .filter(({ id }) => !["disk-space", "open-files"].includes(id))
      .map(({ id, level }) => [id, level]),
  );

const SOUND = {
  ...{ database: "ok", "write-ahead-log": "ok", "audit-chain": "ok", "signing-keys": "ok", "data-directory": "ok" },
  ...{ "last-backup": "ok", clock: "ok", certificate: "ok", tokens: "ok", trust: "ok", webhooks: "ok" },
};

describe("signet doctor", () => {
  it("shows the server and the way to it", async () => {
    const { out } = await signet(["doctor", "--json"]);
    expect(levels(out)).toEqual({
      ...SOUND,
      ...{ "clock-difference": "ok", "proxy-host": "ok", "proxy-etag": "ok", "proxy-addresses": "ok" },
      "proxy-streaming": "ok",
    });
  });

  it("says what to do, with an exit code of its own", async () => {
    const key = join(server.directory, "audit-signing-key.pem");
    chmodSync(key, 0o644);
    const { exitCode, out } = await signet(["doctor"]);
    chmodSync(key, 0o600);
    expect(exitCode).toBe(10);
    expect(out).toMatch(/^error {4}data-directory: .* can be read by others .*\n {9}do: /m);
    expect(out).toMatch(/^ok {7}database: its structure is sound$/m);
    expect(out).toMatch(/^1 errors, /m);
  });

  it("needs an operator's token, and refuses what does not go together", async () => {
    const { orgId, projectId } = server;
    const { rawKey = "" } = await server.admin.tokens.createCiToken({ orgId, projectId });
    expect(await signet(["doctor"], rawKey)).toMatchObject({ exitCode: 3 });
    expect(await signet(["doctor", "--data", server.directory, "--proxy"])).toMatchObject({ exitCode: 2 });
    expect(await signet(["doctor", "--data", server.directory, "--url", server.url])).toMatchObject({ exitCode: 2 });
  });

  it("leaves the data directory of a running server alone", async () => {
    const { exitCode, err } = await signet(["doctor", "--data", server.directory]);
    expect({ exitCode, err }).toEqual({ exitCode: 5, err: expect.stringContaining("is in use") as string });
  });

  it("examines the data directory of a stopped server, without a token", async () => {
    await using stopped = await startTestServer();
    await stopped.server[Symbol.asyncDispose]();
    const { out, err } = await runSignet(["doctor", "--data", stopped.directory, "--full", "--json"]);
    expect(levels(out), err).toEqual(SOUND);
  });
});
