import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTenants, type Tenants } from "../access/tenants.js";
import { ADMIN_TOKEN, startTestServer, testConfig, type TestServer } from "../support/server.js";
import { startServer } from "../../src/server/server.js";

let server: TestServer;
let tenants: Tenants;

beforeAll(async () => {
  server = await startTestServer({
    SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
    SIGNET_WEBHOOK_TIMEOUT_MS: "1000",
    SIGNET_METRICS_ADDRESS: "127.0.0.1:0",
  });
  tenants = await createTenants(server);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const get = (headers: Record<string, string>, init: RequestInit = {}) =>
  fetch(`${server.url}/metrics`, { headers, ...init });
const ownUrl = () => server.server.metricsUrl ?? "";

describe("/metrics on the main port", () => {
  it.each([{ authorization: `Bearer ${ADMIN_TOKEN}` }, { "x-api-key": ADMIN_TOKEN }] as Record<string, string>[])(
    "is for the operator: %j",
    async (headers) => {
      const answer = await get(headers);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(await answer.text()).toContain("signet_build_info{");
    },
  );

  it.each([
    ["no token", 401],
    ["malformed", 401],
    ["unknown", 401],
    ["expired", 401],
    ["revoked", 401],
    ["runtime", 403],
    ["ci of another project", 403],
    ["admin of another organization", 403],
  ] as const)("refuses %s with %i and no figure", async (credential, status) => {
    const { token } = tenants.credentials[credential];
    const answer = await get(token === null ? {} : { authorization: `Bearer ${token}` });
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toContain("signet_");
  });

  it("refuses another method, and HEAD has no body", async () => {
    const post = await get({ "x-api-key": ADMIN_TOKEN }, { method: "POST", body: "x=1" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    const head = await get({ "x-api-key": ADMIN_TOKEN }, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(Number(head.headers.get("content-length"))).toBeGreaterThan(1000);
  });

  it("takes no token from the query", async () => {
    expect((await fetch(`${server.url}/metrics?token=${ADMIN_TOKEN}&x-api-key=${ADMIN_TOKEN}`)).status).toBe(401);
  });

  it("counts in the rate limit, and a refusal is in the audit as every other one", async () => {
    await using limited = await startTestServer({ SIGNET_RATE_LIMIT: "3" });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const answer = await fetch(`${limited.url}/metrics`, { headers: { "x-api-key": ADMIN_TOKEN } });
      statuses.push(answer.status);
      expect(answer.headers.get("x-ratelimit-limit")).toBe("3");
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
  });
});

describe("/metrics on an address of its own", () => {
  it("needs no token, and nothing else is there", async () => {
    const answer = await fetch(ownUrl());
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("signet_build_info{");
    for (const path of ["/", "/healthz", "/v1/whoami", "/metrics/", "/signet.v1.BundleService/ListKeys"]) {
      expect((await fetch(new URL(path, ownUrl()), { headers: { "x-api-key": ADMIN_TOKEN } })).status).toBe(404);
    }
    expect((await fetch(ownUrl(), { method: "POST", body: "{}" })).status).toBe(405);
  });

  it("is off unless somebody asks for it", async () => {
    await using plain = await startTestServer();
    expect(plain.server.metricsUrl).toBeNull();
  });

  it("is gone when the server stops, and a stop does not wait for who holds a connection", async () => {
    const other = await startTestServer({ SIGNET_METRICS_ADDRESS: "127.0.0.1:0" });
    const { port } = new URL(other.server.metricsUrl ?? "");
    const held = connect(Number(port), "127.0.0.1");
    await new Promise<void>((resolve) => held.once("connect", () => resolve()));
    const closed = new Promise<void>((resolve) => held.once("close", () => resolve()));
    held.on("error", () => undefined).resume();
    await other[Symbol.asyncDispose]();
    await closed;
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  it("that is taken stops the start, and leaves nothing behind", async () => {
    const { port } = new URL(ownUrl());
    await using free = await startTestServer();
    const directory = free.directory;
    await free.server[Symbol.asyncDispose]();
    const taken = testConfig({ SIGNET_DATA: directory, SIGNET_METRICS_ADDRESS: `127.0.0.1:${port}` });
    await expect(startServer(taken)).rejects.toMatchObject({
      code: "conflict",
      message: `port ${port} of 127.0.0.1 is in use: choose another with --metrics-address (SIGNET_METRICS_ADDRESS)`,
    });
    // The directory is free again.
    const again = await startServer(testConfig({ SIGNET_DATA: directory }));
    await again[Symbol.asyncDispose]();
  });
});
