import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SERVICES } from "../../src/api/methods/methods.js";
import { operationOf } from "../../src/api/admission/operations.js";
import type { DescMethod } from "@bufbuild/protobuf";
import { startReceiver } from "../support/receiver.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { scrape, type Scrape } from "./scrape.js";

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", SIGNET_WEBHOOK_RETRY_SECONDS: "0,0" });
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const base = () => `${server.url}/v1/orgs/${server.orgId}/projects/${server.projectId}`;

function publish(n: number, headers: Record<string, string> = {}) {
  return fetch(`${base()}/envs/dev/bundles/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": ADMIN_TOKEN, ...headers },
    body: JSON.stringify({ policies: { n } }),
  });
}

async function runtimeToken(): Promise<string> {
  const { environments } = await server.admin.organizations.getProject({
    orgId: server.orgId,
    projectId: server.projectId,
  });
  const environmentId = environments.find(({ name }) => name === "dev")?.id ?? "";
  const { orgId, projectId } = server;
  return (await server.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId, name: "x" })).rawKey ?? "";
}

/** Asks until a scrape is as wanted: the server tells nobody when a figure changes. */
async function scrapedWhen(wanted: (found: Scrape) => boolean): Promise<Scrape> {
  for (;;) {
    const found = await scrape(server);
    if (wanted(found)) return found;
  }
}

describe("the figures", () => {
  it("count requests by operation, protocol and status, and gRPC by the status that REST would have", async () => {
    await publish(1);
    await publish(1, { "x-api-key": "wrong-token-that-is-none" });
    await fetch(`${base()}/envs/none/bundles`, { headers: { "x-api-key": ADMIN_TOKEN } });
    await server.admin.bundles
      .listBundles({ orgId: server.orgId, projectId: server.projectId, envName: "none" })
      .catch(() => undefined);
    const count = (found: Scrape, operation: string, protocol: string, status: string) =>
      found.value("signet_requests_total", { operation, protocol, status });
    const found = await scrapedWhen((it) => count(it, "listBundles", "grpc", "404") !== undefined);
    expect(count(found, "publishBundle", "rest", "200")).toBe(1);
    expect(count(found, "publishBundle", "rest", "401")).toBe(1);
    expect(count(found, "listBundles", "rest", "404")).toBe(1);
    expect(count(found, "listBundles", "grpc", "404")).toBe(1);
    expect(found.value("signet_authentication_failures_total")).toBe(1);
    const duration = { operation: "publishBundle", protocol: "rest" };
    expect(found.value("signet_request_duration_seconds_count", duration)).toBe(2);
    expect(found.value("signet_request_duration_seconds_bucket", { ...duration, le: "+Inf" })).toBe(2);
  });

  it("follow a publish through its phases and the store, and count a replay", async () => {
    await publish(1, { "idempotency-key": "k" });
    await publish(1, { "idempotency-key": "k" });
    const found = await scrape(server);
    // A retry is read before its key is looked at.
    for (const [phase, times] of Object.entries({ parse: 2, hash: 1, sign: 1, commit: 1 })) {
      expect(found.value("signet_publish_phase_duration_seconds_count", { phase }), phase).toBe(times);
      expect(found.value("signet_publish_phase_duration_seconds_sum", { phase }), phase).toBeGreaterThan(0);
    }
    expect(found.value("signet_idempotent_replays_total", { operation: "publishBundle" })).toBe(1);
    expect(found.value("signet_store_read_duration_seconds_count")).toBeGreaterThan(0);
    const transactions = found.value("signet_store_transaction_duration_seconds_count") ?? 0;
    expect(transactions).toBeGreaterThan(0);
    expect(found.value("signet_store_write_wait_duration_seconds_count")).toBeGreaterThanOrEqual(transactions);
  });

  it("know the streams that are open, and how a change reached all of them", async () => {
    const token = await runtimeToken();
    const gone = new AbortController();
    const open = [0, 1].map(() => server.clientFor(token).runtimes.watchBundle({}, { signal: gone.signal }));
    const streams = open.map((stream) => stream[Symbol.asyncIterator]());
    for (const stream of streams) await stream.next();
    const before = await scrape(server);
    expect(before.value("signet_streams_open", { protocol: "grpc" })).toBe(2);
    expect(before.value("signet_activation_fanout_duration_seconds_count")).toBe(0);
    await publish(1);
    for (const stream of streams) expect((await stream.next()).value).toMatchObject({ sequence: 1 });
    const fed = await scrapedWhen((it) => it.value("signet_activation_fanout_duration_seconds_count") === 1);
    expect(fed.value("signet_streams_behind")).toBe(0);
    gone.abort();
    for (const stream of streams) await stream.next().catch(() => undefined);
    const after = await scrapedWhen((it) => it.value("signet_streams_open", { protocol: "grpc" }) === 0);
    expect(after.value("signet_streams_behind")).toBe(0);
    // A stream is counted when it is over, and is in no histogram of durations.
    expect(after.samples.filter(({ labels }) => labels.operation === "watchBundle").map(({ name }) => name)).toEqual([
      "signet_requests_total",
    ]);
  });

  it("know the polls that are held", async () => {
    await publish(1);
    const headers = { "x-api-key": await runtimeToken() };
    const first = await fetch(`${server.url}/v1/bundles/latest`, { headers });
    const etag = first.headers.get("etag") ?? "";
    const held = fetch(`${server.url}/v1/bundles/latest`, {
      headers: { ...headers, "if-none-match": etag, prefer: "wait=300" },
    });
    await scrapedWhen((it) => it.value("signet_held_polls") === 1);
    await publish(2);
    expect((await held).status).toBe(200);
    await scrapedWhen((it) => it.value("signet_held_polls") === 0);
  });

  it("count what became of webhook deliveries", async () => {
    await using receiver = await startReceiver();
    const { orgId } = server;
    await server.admin.webhooks.createWebhook({ orgId, url: receiver.url, events: ["bundle.published"] });
    await publish(1);
    await receiver.count(1);
    receiver.answer = () => ({ status: 500 });
    await publish(2);
    await receiver.count(3);
    const total = "signet_webhook_deliveries_total";
    const found = await scrapedWhen((it) => it.value(total, { outcome: "failed" }) === 1);
    expect(found.value(total, { outcome: "delivered" })).toBe(1);
    const attempts = "signet_webhook_attempt_duration_seconds_count";
    expect(found.value(attempts, { outcome: "delivered" })).toBe(1);
    expect(found.value(attempts, { outcome: "failed" })).toBe(2);
  });

  it("count what a limit refused", async () => {
    await using strict = await startTestServer({ SIGNET_MAX_BODY_BYTES: "1024", SIGNET_RATE_LIMIT: "4" });
    const headers = { "content-type": "application/json", "x-api-key": ADMIN_TOKEN };
    const url = `${strict.url}/v1/orgs/${strict.orgId}/projects`;
    const big = await fetch(url, { method: "POST", headers, body: JSON.stringify({ name: "x".repeat(2000) }) });
    expect(big.status).toBe(413);
    const found = await scrape(strict);
    expect(found.value("signet_limit_refused_total", { limit: "max_body_bytes" })).toBe(1);
    expect(found.value("signet_limit_refused_total", { limit: "rate_limit" })).toBe(0);
  });
});

describe("no caller", () => {
  it("makes a label: paths, methods, tokens, ids and names leave the samples as many as they are", async () => {
    await publish(1);
    const { ids, seen } = { ids: new Set<string>(), seen: () => scrape(server) };
    const call = async (n: number) => {
      const secret = `signet_ad_${randomBytes(20).toString("hex")}`;
      ids.add(secret);
      const headers = { "x-api-key": secret, "x-request-id": `id-${n}`, "user-agent": `agent-${n}` };
      await fetch(`${server.url}/${secret}/${n}?q=${n}`, { headers });
      await fetch(`${server.url}/v1/orgs/${secret}/projects/${n}`, { headers });
      await fetch(`${server.url}/signet.v1.BundleService/${secret}`, { method: "POST", headers, body: "{}" });
      await fetch(`${server.url}/v1/orgs/${server.orgId}/projects`, {
        headers: { ...headers, "x-api-key": ADMIN_TOKEN },
        method: "POST",
        body: JSON.stringify({ name: secret }),
      });
    };
    await call(0);
    const count = (found: Scrape) => found.samples.filter(({ name }) => name.startsWith("signet_")).length;
    const before = count(await seen());
    for (let n = 1; n < 20; n += 1) await call(n);
    const after = await seen();
    // The scrapes are requests too.
    const own = after.samples.filter(({ labels }) => labels.operation === "getMetrics").length;
    expect(count(after) - own).toBe(before);
    const secrets = [...ids, ADMIN_TOKEN, server.orgId, server.projectId, "id-1", "agent-1", "127.0.0.1"];
    for (const secret of secrets) expect(after.text).not.toContain(secret);
  });

  it("operations are those of the proto, and a few that have none", async () => {
    await publish(1);
    await fetch(`${server.url}/nowhere`);
    await fetch(`${server.url}/healthz`);
    const known = SERVICES.flatMap(({ methods }) => (methods as readonly DescMethod[]).map((it) => operationOf(it).id));
    const found = await scrape(server);
    const operations = found.samples.flatMap(({ labels }) =>
      labels.operation === undefined ? [] : [labels.operation],
    );
    expect(operations.filter((operation) => !known.includes(operation) && operation !== "none")).toEqual([]);
    expect(operations).toContain("none");
  });
});
