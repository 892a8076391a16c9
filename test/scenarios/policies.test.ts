import { createHash, randomBytes } from "node:crypto";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RuntimeService } from "../../gen/signet/v1/runtime_pb.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { openEvents, openLines, type RawMessage } from "./raw-stream.js";
import { createTestProject, type TestProject } from "./project.js";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" });
});
afterAll(() => server[Symbol.asyncDispose]());

/** Texts that a parser and printer of JSON would change, and as they are served: only white space and floats differ. */
const AS_PUBLISHED =
  '{ "z": 9007199254740991, "a": 1.0, "list": [1e2, -0.5, {}],\n "text": "ü 🚀 \\u2028 \\" </script>" }';
const AS_SERVED = '{"z":9007199254740991,"a":1.0,"list":[100.0,-0.5,{}],"text":"ü 🚀 \u2028 \\" </script>"}';

async function open(own: TestServer = server) {
  const project = await createTestProject(own, `policies-${(projects += 1)}`);
  const token = project.runtimeToken.dev;
  const get = async (headers: Record<string, string> = {}, query = "", method = "GET") => {
    const answer = await fetch(`${own.url}/v1/policies/latest${query}`, {
      ...{ method, headers: { authorization: `Bearer ${token}`, ...headers } },
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const publish = async (policies: string) =>
    (await own.admin.bundles.publishBundle({ ...project.place.dev, policies })).sequence ?? 0;
  return { project, token, get, publish };
}

describe("GET /v1/policies/latest", () => {
  it("answers the bytes of policies in the document, from its method and from memory alike", async () => {
    const { token, get, publish } = await open();
    await publish(AS_PUBLISHED);
    const [first, second] = [await get(), await get()];
    expect(first).toMatchObject({ status: 200, text: AS_SERVED });
    expect(second).toMatchObject({ status: 200, text: AS_SERVED });
    const document = await fetch(`${server.url}/v1/bundles/latest`, { headers: { "x-api-key": token } });
    expect(await document.text()).toContain(`"policies":${AS_SERVED},`);
    for (const name of ["etag", "signet-sequence", "signet-deployment-id", "cache-control", "vary"]) {
      expect(first.headers.get(name), name).toBe(document.headers.get(name));
      expect(second.headers.get(name), name).toBe(document.headers.get(name));
    }
    // It may be a newer one by then.
    for (const { headers } of [first, second]) expect(headers.get("signet-lease")).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(second.headers.get("content-type")).toBe("application/json");
    const head = await get({}, "", "HEAD");
    expect([head.status, head.text, head.headers.get("content-length")]).toEqual([
      ...[200, "", String(Buffer.byteLength(AS_SERVED))],
    ]);
  });

  it("answers 304 by tag, 204 by cursor, and holds until something else is active", async () => {
    const { get, publish } = await open();
    await publish('{"n":1}');
    const tag = (await get()).headers.get("etag") ?? "";
    expect(await get({ "If-None-Match": tag })).toMatchObject({ status: 304, text: "" });
    expect(await get({}, "?after_sequence=1")).toMatchObject({ status: 204, text: "" });
    expect((await get({ "If-None-Match": tag, Prefer: "wait=1" })).status).toBe(304);
    const held = get({ "If-None-Match": tag, Prefer: "wait=300" });
    await server.admin.tokens.whoAmI({});
    await publish('{"n":2}');
    const woken = await held;
    expect(woken).toMatchObject({ status: 200, text: '{"n":2}' });
    expect(woken.headers.get("preference-applied")).toBe("wait=300");
  });

  it("answers 404 while nothing is active, never an empty object, and at once when it was held", async () => {
    const { project, get, publish } = await open();
    await server.admin.bundles.publishBundle({ ...project.place.dev, policies: '{"n":1}', activate: false });
    for (const headers of [{}, { "If-None-Match": "*" }, { Prefer: "wait=1" }]) {
      const { status, text } = await get(headers);
      expect(status).toBe(404);
      expect(JSON.parse(text)).toMatchObject({ code: 404, message: "active bundle not found" });
    }
    const held = get({ Prefer: "wait=300" });
    await server.admin.tokens.whoAmI({});
    await publish('{"n":2}');
    expect(await held).toMatchObject({ status: 200, text: '{"n":2}' });
  });

  it("says what was published, also an empty object that somebody published", async () => {
    const { get, publish } = await open();
    await publish("{}");
    expect(await get()).toMatchObject({ status: 200, text: "{}" });
  });

  it("answers as flagd asks for it", async () => {
    const { token, publish } = await open();
    await publish('{"flags":{}}');
    // flagd's HTTP sync: two Accept headers, the tag as it came.
    const headers = new Headers({ authorization: `Bearer ${token}` });
    headers.append("accept", "application/json");
    headers.append("accept", "application/yaml");
    const first = await fetch(`${server.url}/v1/policies/latest`, { headers });
    expect([first.status, first.headers.get("content-type"), await first.text()]).toEqual([
      ...[200, "application/json", '{"flags":{}}'],
    ]);
    headers.set("if-none-match", first.headers.get("etag") ?? "");
    expect((await fetch(`${server.url}/v1/policies/latest`, { headers })).status).toBe(304);
  });

  it("is cut out of a large document once, by a thread", async () => {
    const { get, publish } = await open();
    const text = JSON.stringify({ a: "x".repeat(3_000_000), b: { n: 1 }, c: "ü".repeat(1_000_000) });
    await publish(text);
    const answers = await Promise.all(Array.from({ length: 20 }, () => get()));
    const digest = createHash("sha256").update(text).digest("hex");
    for (const answer of answers) {
      expect(createHash("sha256").update(answer.text).digest("hex")).toBe(digest);
    }
  });

  it.each([
    ["another kind of token", () => ADMIN_TOKEN, 403],
    ["an unknown token", () => "sgnt_nobody", 401],
  ])("refuses %s", async (_, tokenOf, status) => {
    const { get, publish } = await open();
    await publish('{"n":1}');
    expect((await get({ authorization: `Bearer ${tokenOf()}` })).status).toBe(status);
  });
});

const RPC: readonly (readonly [string, (baseUrl: string) => Transport])[] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect with JSON", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true })],
];

/** One way to watch policies. */
interface Way {
  readonly name: string;
  readonly open: (url: string, token: string, cursor: Cursor, signal: AbortSignal) => AsyncIterable<RawMessage>;
}

interface Cursor {
  readonly afterSequence?: number;
  readonly afterDeploymentId?: string;
}

const WAYS: readonly Way[] = [
  ...RPC.map(([name, transportTo]): Way => ({
    name,
    async *open(url, token, cursor, signal) {
      const client = createClient(RuntimeService, transportTo(url));
      const options = { headers: { "x-api-key": token }, signal, timeoutMs: 0 };
      for await (const { sequence, deploymentId = "", event } of client.watchPolicies(cursor, options)) {
        const name = event.case === "nothingActive" ? "nothing_active" : (event.case ?? "");
        const text = event.case === "policies" ? event.value : "";
        yield { event: name, id: deploymentId === "" ? String(sequence) : `${sequence}.${deploymentId}`, text };
      }
    },
  })),
  { name: "server-sent events", open: openEvents },
  { name: "lines of JSON", open: openLines },
];

async function nextOf(messages: AsyncIterator<RawMessage>, skipped = "heartbeat"): Promise<RawMessage> {
  for (;;) {
    const { done, value } = await messages.next();
    if (done === true) throw new Error("the stream ended without a word");
    if (value.event !== skipped) return value;
  }
}

describe.each(WAYS)("a watch of policies over $name", ({ open: watch }) => {
  it("tells that nothing is active, each change as it was published, and heartbeats", async () => {
    const { token, publish } = await open();
    const gone = new AbortController();
    const messages = watch(server.url, token, {}, gone.signal)[Symbol.asyncIterator]();
    expect(await messages.next()).toMatchObject({ value: { event: "nothing_active", id: "0" } });
    await publish(AS_PUBLISHED);
    const first = await nextOf(messages);
    expect(first).toMatchObject({ event: "policies", text: AS_SERVED });
    expect(first.id).toMatch(/^1\.[0-9a-f-]{36}$/);
    await publish('{"n":2}');
    expect(await nextOf(messages)).toMatchObject({ event: "policies", text: '{"n":2}' });
    const beat = await nextOf(messages, "policies");
    expect([beat.event, beat.id.split(".")[0]]).toEqual(["heartbeat", "2"]);
    gone.abort();
    await messages.return?.().catch(() => undefined);
  });

  it("resumes at any cursor", async () => {
    const { token, publish } = await open();
    for (const n of [1, 2, 3]) await publish(`{"n":${n}}`);
    for (const after of [0, 1, 2, 3, 7]) {
      const gone = new AbortController();
      const messages = watch(server.url, token, { afterSequence: after }, gone.signal)[Symbol.asyncIterator]();
      const { value } = await messages.next();
      const isKnown = after === 3;
      expect(value, String(after)).toMatchObject({
        ...{ event: isKnown ? "heartbeat" : "policies", text: isKnown ? "" : '{"n":3}' },
      });
      gone.abort();
      await messages.return?.().catch(() => undefined);
    }
    // The number alone is not the activation.
    const gone = new AbortController();
    const other = { afterSequence: 3, afterDeploymentId: "0b6f3f4e-7c0b-4d55-9a3e-8d1f0a6e2c11" };
    const messages = watch(server.url, token, other, gone.signal)[Symbol.asyncIterator]();
    expect((await messages.next()).value).toMatchObject({ event: "policies", text: '{"n":3}' });
    gone.abort();
    await messages.return?.().catch(() => undefined);
  });

  it.each([
    [
      "its token is revoked",
      async (project: TestProject) => {
        const keyId = await project.runtimeTokenId("dev");
        await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId });
      },
      /token|unauthenticated/i,
    ],
    [
      "its environment is deleted",
      async (project: TestProject) => {
        await server.admin.organizations.deleteEnvironment({ ...project.place.dev, force: true });
      },
      /not found/i,
    ],
  ])("ends when %s, with no policies at the end", async (_, end, says) => {
    const { project, publish } = await open();
    await publish('{"n":1}');
    const messages = watch(server.url, project.runtimeToken.dev, {}, new AbortController().signal)[
      Symbol.asyncIterator
    ]();
    expect(await nextOf(messages)).toMatchObject({ text: '{"n":1}' });
    await end(project);
    await expect(nextOf(messages)).rejects.toThrow(says);
  });

  it("ends with unavailable at shutdown", async () => {
    const own = await startTestServer({ SIGNET_HEARTBEAT_MS: "200" }, { oneNode: true });
    const { token, publish } = await open(own);
    await publish('{"n":1}');
    const messages = watch(own.url, token, {}, new AbortController().signal)[Symbol.asyncIterator]();
    expect(await nextOf(messages)).toMatchObject({ text: '{"n":1}' });
    const stopped = own[Symbol.asyncDispose]();
    await expect(nextOf(messages)).rejects.toThrow(/shutting down/);
    await stopped;
  });

  it("refuses a token that is no runtime's before it begins", async () => {
    const messages = watch(server.url, ADMIN_TOKEN, {}, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(messages.next()).rejects.toThrow(/runtime|permission/i);
  });
});

it("a reader who stops reading slows nobody, skips what was superseded and ends on the newest", async () => {
  const { token, publish } = await open();
  const gone = new AbortController();
  const slow = WAYS.map(({ name, open: watch }) => ({
    ...{ name, messages: watch(server.url, token, {}, gone.signal)[Symbol.asyncIterator]() },
  }));
  for (const { messages } of slow) expect((await messages.next()).value).toMatchObject({ event: "nothing_active" });
  const quick = WAYS[0]?.open(server.url, token, {}, gone.signal)[Symbol.asyncIterator]();
  if (quick === undefined) throw new Error("no way to watch");
  await quick.next();
  // Does not compress.
  const filler = randomBytes(400_000).toString("hex");
  const textOf = (n: number) => `{"n":${n},"filler":"${filler}"}`;
  for (let n = 1; n <= 15; n += 1) {
    await publish(textOf(n));
    expect((await nextOf(quick)).text.slice(0, 9)).toBe(textOf(n).slice(0, 9));
  }
  for (const { name, messages } of slow) {
    const seen: number[] = [];
    for (let last = 0; last < 15; last = seen.at(-1) ?? 15) {
      seen.push(Number(/^\{"n":(\d+),/.exec((await nextOf(messages)).text)?.[1]));
    }
    expect(seen, name).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(seen.length, name).toBeLessThan(15);
  }
  gone.abort();
});

it("shares the budget of streams and the fleet view with other watches", async () => {
  await using own = await startTestServer({ SIGNET_MAX_STREAMS: "1" }, { oneNode: true });
  const { project, token } = await open(own);
  const gone = new AbortController();
  const first = own.clientFor(token).runtimes.watchPolicies({ instanceId: "flags-1" }, { signal: gone.signal });
  await first[Symbol.asyncIterator]().next();
  const second = openEvents(own.url, token, {}, gone.signal)[Symbol.asyncIterator]();
  await expect(second.next()).rejects.toThrow(/too many open streams/);
  const { data } = await own.admin.runtimes.listRuntimes({ ...project.place.dev });
  expect(data).toMatchObject([{ instanceId: "flags-1", connected: true }]);
  gone.abort();
});

it("Last-Event-ID resumes where server-sent events ended", async () => {
  const { token, publish } = await open();
  await publish('{"n":1}');
  const gone = new AbortController();
  const first = openEvents(server.url, token, {}, gone.signal)[Symbol.asyncIterator]();
  const { id } = await nextOf(first);
  gone.abort();
  const again = new AbortController();
  const resumed = openEvents(server.url, token, {}, again.signal, { "last-event-id": id })[Symbol.asyncIterator]();
  expect((await resumed.next()).value).toMatchObject({ event: "heartbeat", id });
  await publish('{"n":2}');
  expect(await nextOf(resumed)).toMatchObject({ event: "policies", text: '{"n":2}' });
  again.abort();
});
