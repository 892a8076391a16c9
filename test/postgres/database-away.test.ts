import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestProject, type TestProject } from "../scenarios/project.js";
import { startFaultProxy, type FaultProxy } from "../support/postgres/fault-proxy.js";
import { testDatabase } from "../support/postgres/test-database.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";

describe("a node whose database is away", () => {
  let proxy: FaultProxy;
  let server: TestServer;
  let project: TestProject;

  beforeAll(async () => {
    const database = await testDatabase();
    const { hostname, port } = new URL(database.url);
    proxy = await startFaultProxy({ host: hostname, port: Number(port) });
    server = await startTestServer({
      SIGNET_DATABASE_URL: proxy.through(database.url),
      SIGNET_KEY_SECRET: "a secret of the tests, long enough",
      SIGNET_HEARTBEAT_MS: "200",
    });
    project = await createTestProject(server, "away");
    await project.publish("prod", 1);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  const get = (path: string, token: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
  const latest = (headers: Record<string, string> = {}) =>
    get("/v1/bundles/latest", project.runtimeToken.prod, headers);

  /** Tries until it holds, or the test ends by its time-out. */
  async function until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  it("serves runtimes from memory with the age, refuses changes, keeps streams, and goes on by itself", async () => {
    const first = await latest();
    expect(first.status).toBe(200);
    expect(first.headers.get("age")).toBeNull();
    const etag = first.headers.get("etag") ?? "";
    expect((await get("/v1/orgs", ADMIN_TOKEN)).status).toBe(200);

    const gone = new AbortController();
    const seen: { sequence: number; currentAt: boolean; event: string | undefined }[] = [];
    const runtime = server.clientFor(project.runtimeToken.prod);
    const watching = (async () => {
      for await (const message of runtime.runtimes.watchBundle({}, { signal: gone.signal })) {
        const { event, sequence } = message;
        const currentAt = event.case === "heartbeat" && event.value.currentAt !== undefined;
        seen.push({ sequence, currentAt, event: event.case });
      }
    })().catch((error: unknown) => (gone.signal.aborted ? null : error));
    await until(async () => seen.some(({ event }) => event === "heartbeat"));

    proxy.refuse();
    proxy.cut("RST");
    await until(async () => (await latest()).headers.has("age"));
    const away = await latest();
    expect(away.status).toBe(200);
    expect(Number(away.headers.get("age"))).toBeGreaterThanOrEqual(2);
    expect((await latest({ "if-none-match": etag })).status).toBe(304);
    const held = await latest({ "if-none-match": etag, prefer: "wait=1" });
    expect([held.status, held.headers.has("age")]).toStrictEqual([304, true]);
    // The way that browsers ask is another one inside.
    expect((await latest({ origin: "https://elsewhere.example" })).headers.has("age")).toBe(true);

    for (const refused of [await get("/v1/orgs", ADMIN_TOKEN), await get("/v1/whoami", ADMIN_TOKEN)]) {
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    }
    const change = project.publish("prod", 2);
    await expect(change).rejects.toMatchObject({ code: "unavailable", httpStatus: 503, retryAfterSeconds: 5 });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    await until(async () => seen.some(({ currentAt }) => currentAt));

    await proxy.heal();
    await until(async () => (await fetch(`${server.url}/readyz`)).ok);
    await until(async () => (await get("/v1/orgs", ADMIN_TOKEN)).ok);
    const sequence = await project.publish("prod", 3);
    await until(async () => seen.some((message) => message.event === "activation" && message.sequence === sequence));
    await until(async () => seen.at(-1)?.event === "heartbeat" && seen.at(-1)?.currentAt === false);
    expect((await latest()).headers.get("age")).toBeNull();
    gone.abort();
    expect(await watching).toBeNull();
    expect(seen.filter(({ event }) => event === "activation").length).toBe(2);
  });
});
