import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERSION } from "../../../src/assets/version.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../../support/server.js";
import { runSignet } from "../in-process.js";

let server: TestServer;
let runtime = "";
beforeAll(async () => {
  server = await startTestServer();
  runtime = await runtimeToken();
});
afterAll(async () => server[Symbol.asyncDispose]());

async function runtimeToken(): Promise<string> {
  const { orgId, projectId, admin } = server;
  await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: '{"n":1}' });
  const { id: environmentId } = await admin.organizations.getEnvironment({ orgId, projectId, envName: "dev" });
  return (await admin.tokens.createRuntimeToken({ orgId, projectId, environmentId })).rawKey ?? "";
}

const signet = (argv: readonly string[], token = ADMIN_TOKEN) =>
  runSignet(argv, { environment: { SIGNET_URL: server.url, SIGNET_TOKEN: token } });

describe("signet nodes", () => {
  it("shows the one process of SQLite, with its open streams", async () => {
    const done = new AbortController();
    const events = server.clientFor(runtime).runtimes.watchBundle({}, { signal: done.signal });
    await events[Symbol.asyncIterator]().next();
    const { exitCode, out, err } = await signet(["nodes", "--json"]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(JSON.parse(out)).toMatchObject({
      data: [
        {
          ...{ name: hostname(), version: VERSION, url: server.url, state: "live", answering: true, streams: 1 },
          ...{ held_polls: 0, lag_ms: null, problem: null, stopping_at: null },
          schema: expect.stringMatching(/^\d{4}-[a-z-]+$/),
        },
      ],
    });
    const table = await signet(["nodes"]);
    expect(table.out).toMatch(/^NAME +STATE +VERSION +UP SINCE +LAST SEEN +STREAMS/);
    expect(table.out).toContain(`${server.url}`);
    done.abort();
  });

  it("is for the operator alone", async () => {
    expect(await signet(["nodes"], runtime)).toMatchObject({ exitCode: 3, out: "" });
  });

  it("is no part of signet status while there is one; another token does not ask", async () => {
    const status = async (token: string) => {
      const { out, exitCode } = await signet(["status", "--json"], token);
      expect(exitCode).toBe(0);
      return JSON.parse(out) as { readonly live_nodes: number | null };
    };
    expect((await status(ADMIN_TOKEN)).live_nodes).toBe(1);
    expect((await signet(["status"])).out).not.toContain("nodes");
    const { orgId, projectId } = server;
    const { rawKey = "" } = await server.admin.tokens.createCiToken({ orgId, projectId });
    expect((await status(rawKey)).live_nodes).toBeNull();
    const { events } = await server.admin.audit.listAuditEvents({ orgId });
    expect(events.map(({ action }) => action)).not.toContain("access.refused");
  });
});
