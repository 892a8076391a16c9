import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import Database from "better-sqlite3";
import { Writable } from "node:stream";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BundleService } from "../../gen/signet/v1/bundle_pb.js";
import { RuntimeService } from "../../gen/signet/v1/runtime_pb.js";
import { startServer } from "../../src/server/server.js";
import { createTestProject } from "../scenarios/project.js";
import { startReceiver, type Receiver } from "../support/receiver.js";
import { ADMIN_TOKEN, startTestServer, testConfig, type TestServer } from "../support/server.js";
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from "./otlp-receiver.js";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const CALLER = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "vendor=one" };

let collector: OtlpReceiver;
let hook: Receiver;
let server: TestServer;

beforeEach(async () => {
  collector = await startOtlpReceiver();
  hook = await startReceiver();
});

afterEach(async () => {
  await hook[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

async function start(settings: Record<string, string> = { SIGNET_OTLP_ENDPOINT: collector.url }) {
  server = await startTestServer({ SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8", ...settings });
  await server.admin.webhooks.createWebhook({ orgId: server.orgId, url: hook.url, events: ["bundle.*"] });
}

function publishByRest(headers: Record<string, string> = {}) {
  const path = `/v1/orgs/${server.orgId}/projects/${server.projectId}/envs/dev/bundles/publish`;
  return fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": ADMIN_TOKEN, ...headers },
    body: JSON.stringify({ policies: { n: 1 }, title: "not for traces" }),
  });
}

const request = () => ({ orgId: server.orgId, projectId: server.projectId, envName: "dev", policies: '{"n":1}' });
const headers = { "x-api-key": ADMIN_TOKEN, ...CALLER };

const PROTOCOLS: Readonly<Record<string, () => Promise<unknown>>> = {
  rest: () => publishByRest(CALLER),
  grpc: () =>
    createClient(BundleService, createGrpcTransport({ baseUrl: server.url })).publishBundle(request(), { headers }),
  connect: () =>
    createClient(BundleService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" })).publishBundle(
      request(),
      { headers },
    ),
};

/** Stops the server, which sends what is left, and gives the spans by name. */
async function stopAndCollect(): Promise<Map<string, ReceivedSpan>> {
  await server[Symbol.asyncDispose]();
  return new Map(collector.spans.filter(({ traceId }) => traceId === TRACE).map((span) => [span.name, span]));
}

function attributesOf(span: ReceivedSpan | undefined): Record<string, unknown> {
  return Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
}

describe("one trace", () => {
  it.each(Object.keys(PROTOCOLS))("goes from a publish by %s through the outbox to the delivery", async (protocol) => {
    await start();
    await PROTOCOLS[protocol]?.();
    const [arrival] = await hook.count(1);
    const spans = await stopAndCollect();
    const publish = spans.get("publishBundle");
    const transaction = spans.get("store transaction");
    const delivery = spans.get("webhook delivery");
    expect([publish?.parentSpanId, transaction?.parentSpanId]).toEqual([PARENT, publish?.spanId]);
    expect(delivery?.parentSpanId).toBe(transaction?.spanId);
    for (const phase of ["parse", "hash", "sign"]) {
      expect(spans.get(`publish ${phase}`)?.parentSpanId, phase).toBe(publish?.spanId);
    }
    // Server, internal, client.
    expect([publish?.kind, transaction?.kind, delivery?.kind]).toEqual([2, 1, 3]);
    expect(arrival?.headers.traceparent).toBe(`00-${TRACE}-${delivery?.spanId}-01`);
    expect(arrival?.headers.tracestate).toBe("vendor=one");
    expect(attributesOf(publish)).toMatchObject({ "signet.protocol": protocol, "http.response.status_code": 200 });
    expect(attributesOf(delivery)).toMatchObject({ "signet.event_type": "bundle.published", "signet.attempt": 1 });
  });

  it("is a new one for who brings none, or a broken one", async () => {
    await start();
    await publishByRest();
    await publishByRest({ traceparent: "00-00000000000000000000000000000000-0000000000000000-01" });
    await publishByRest({ traceparent: "nonsense", tracestate: "x".repeat(5000) });
    const arrivals = await hook.count(3);
    await server[Symbol.asyncDispose]();
    const publishes = collector.spans.filter(({ name }) => name === "publishBundle");
    expect(publishes.map(({ parentSpanId }) => parentSpanId ?? "")).toEqual(["", "", ""]);
    expect(new Set(publishes.map(({ traceId }) => traceId)).size).toBe(3);
    const told = arrivals.map(({ headers }) => String(headers.traceparent).split("-")[1]);
    expect(told.sort()).toEqual(publishes.map(({ traceId }) => traceId).sort());
    expect(arrivals.map(({ headers }) => headers.tracestate)).toEqual([undefined, undefined, undefined]);
  });

  it("that its caller does not record is not recorded, and goes on", async () => {
    await start();
    await publishByRest({ traceparent: `00-${TRACE}-${PARENT}-00` });
    const [arrival] = await hook.count(1);
    expect((await stopAndCollect()).size).toBe(0);
    expect(arrival?.headers.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  });

  it("fails at what the server did wrong, not at what a caller did", async () => {
    await start({ SIGNET_OTLP_ENDPOINT: collector.url, SIGNET_SIGNING_KEY: "no key" });
    expect((await publishByRest({ ...CALLER, "x-api-key": "wrong" })).status).toBe(401);
    expect((await publishByRest(CALLER)).status).toBe(500);
    await server[Symbol.asyncDispose]();
    const [refused, failed] = collector.spans.filter(
      ({ name, traceId }) => name === "publishBundle" && traceId === TRACE,
    );
    expect([refused?.status.code ?? 0, failed?.status.code]).toEqual([0, 2]);
    expect(attributesOf(failed)["error.type"]).toBe("signing_failed");
  });

  it("is in the access log, and what it sends has no secret, path or policy", async () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const directory = await startTestServer();
    await directory.server[Symbol.asyncDispose]();
    const config = testConfig({
      SIGNET_DATA: directory.directory,
      SIGNET_OTLP_ENDPOINT: collector.url,
      SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
    });
    const running = await startServer(config, pino({ level: "info" }, sink));
    server = { ...directory, url: running.url, server: running };
    await publishByRest(CALLER);
    await running[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
    expect(lines.find((line) => line.includes('"operationId":"publishBundle"'))).toContain(`"traceId":"${TRACE}"`);
    expect(collector.heads[0]?.path).toBe("/v1/traces");
    for (const secret of [ADMIN_TOKEN, "not for traces", "/v1/orgs", "in-the-url", server.orgId]) {
      expect(collector.bodies.join(), secret).not.toContain(secret);
    }
  });
});

describe("what has a short way", () => {
  it("is traced when it brings a trace", async () => {
    server = await startTestServer({ SIGNET_OTLP_ENDPOINT: collector.url });
    const project = await createTestProject(server, "traced");
    await project.publish("dev", 1);
    const token = { "x-api-key": project.runtimeToken.dev };
    const poll = async (more: Record<string, string>) => {
      const answer = await fetch(`${server.url}/v1/bundles/latest`, { headers: { ...token, ...more } });
      await answer.body?.cancel();
      return answer.status;
    };
    const watch = async (more: Record<string, string>) => {
      const client = createClient(RuntimeService, createGrpcTransport({ baseUrl: server.url }));
      const gone = new AbortController();
      const stream = client.watchBundle({}, { headers: { ...token, ...more }, signal: gone.signal });
      for await (const { event } of stream) {
        gone.abort();
        return event.case;
      }
      throw new Error("a watch without an event");
    };
    // From here on the token and the bundle are in memory.
    expect([await poll({}), await watch({})]).toEqual([200, "activation"]);
    expect([await poll(CALLER), await watch(CALLER)]).toEqual([200, "activation"]);
    const spans = await stopAndCollect();
    const traced = ["getLatestBundle", "watchBundle"].map((name) => spans.get(name));
    expect(traced.map((span) => span?.parentSpanId)).toEqual([PARENT, PARENT]);
    expect(traced.map((span) => attributesOf(span)["signet.protocol"])).toEqual(["rest", "grpc"]);
  });

  it("is not traced when it brings none", async () => {
    server = await startTestServer({ SIGNET_OTLP_ENDPOINT: collector.url });
    const project = await createTestProject(server, "untraced");
    await project.publish("dev", 1);
    const headers = { "x-api-key": project.runtimeToken.dev };
    for (let times = 0; times < 3; times += 1)
      await (await fetch(`${server.url}/v1/bundles/latest`, { headers })).text();
    await server[Symbol.asyncDispose]();
    // The first one finds the token not yet in memory.
    expect(collector.spans.filter(({ name }) => name === "getLatestBundle")).toHaveLength(1);
  });
});

describe("without an endpoint", () => {
  it("nothing is traced, kept or told", async () => {
    await start({});
    await publishByRest(CALLER);
    const [arrival] = await hook.count(1);
    expect(arrival?.headers.traceparent).toBeUndefined();
    const database = new Database(join(server.directory, "signet.db"), { readonly: true });
    const rows = database.prepare("select distinct traceparent, tracestate from outbox_events").all();
    database.close();
    expect(rows).toEqual([{ traceparent: null, tracestate: null }]);
    await server[Symbol.asyncDispose]();
    expect(collector.heads).toEqual([]);
  });
});

describe("a collector that is away", () => {
  it("is told of once in the log, and publishing goes on", async () => {
    const warnings: Record<string, unknown>[] = [];
    const sink = new Writable({
      write(chunk: Buffer, _encoding, done) {
        const line = JSON.parse(chunk.toString()) as Record<string, unknown>;
        if (line.level === 40) warnings.push(line);
        done();
      },
    });
    const away = await startOtlpReceiver();
    await away[Symbol.asyncDispose]();
    const first = await startTestServer();
    await first.server[Symbol.asyncDispose]();
    const config = testConfig({
      SIGNET_DATA: first.directory,
      SIGNET_OTLP_ENDPOINT: away.url,
      // So few that the machine's limit of open files has nothing to say.
      SIGNET_MAX_CONNECTIONS: "100",
    });
    const running = await startServer(config, pino({ level: "info" }, sink));
    server = { ...first, url: running.url, server: running };
    expect((await publishByRest()).status).toBe(200);
    await running[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    expect(warnings).toMatchObject([
      { msg: "traces cannot be sent", reason: expect.stringContaining("ECONNREFUSED") as string },
    ]);
  });
});
