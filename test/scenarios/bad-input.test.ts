import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frame, http2Call, openHttp2 } from "../api/http/wire.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { STREAMING } from "./drivers/all.js";
import { createTestProject, type TestProject } from "./project.js";
import { sendRaw, type RawAnswer, type RawRequest } from "./raw-http.js";
import { envPath, fingerprint } from "./shell.js";

const MIB = 1024 * 1024;
const KEY = { "X-API-Key": ADMIN_TOKEN };
const JSON_TYPE = { ...KEY, "Content-Type": "application/json" };

let server: TestServer;
let project: TestProject;
let before: unknown;
beforeAll(async () => {
  server = await startTestServer();
  project = await createTestProject(server, "bad");
  await project.publish("dev", 1);
  before = await fingerprint(server, project);
});
afterAll(() => server[Symbol.asyncDispose]());

/** The server lives, and nothing was kept. */
async function expectUnharmed(): Promise<void> {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await fingerprint(server, project)).toEqual(before);
}

async function expectRefusal(raw: RawRequest, status?: number): Promise<RawAnswer> {
  const answer = await sendRaw(server.url, raw);
  expect(answer.status, answer.text.slice(0, 300)).toBeGreaterThanOrEqual(400);
  expect(answer.status, answer.text.slice(0, 300)).toBeLessThan(500);
  if (status !== undefined) expect(answer.status, answer.text.slice(0, 300)).toBe(status);
  expect(answer.text.length).toBeLessThan(64 * 1024);
  expect(answer.text).not.toMatch(/SQLITE|node:internal|\.ts:|at async/);
  await expectUnharmed();
  return answer;
}

const dev = (rest: string) => `${envPath(server, project, "dev")}${rest}`;
const rest = (body: RawRequest["body"], more: Partial<RawRequest> = {}): RawRequest => ({
  path: dev("/bundles/publish"),
  headers: JSON_TYPE,
  ...(body === undefined ? {} : { body }),
  ...more,
});
const connect = (body: RawRequest["body"], more: Partial<RawRequest> = {}): RawRequest =>
  rest(body, { path: "/signet.v1.BundleService/PublishBundle", ...more });
const place = () => JSON.stringify(project.place.dev).slice(1, -1);
const connectBody = (policies: string) => `{${place()},"policies":${JSON.stringify(policies)}}`;

/** Policies that are no JSON object, or that lose something when they are parsed. */
const DOCUMENTS: readonly (readonly [string, string])[] = [
  ["duplicate keys", '{"a":1,"a":2}'],
  ["duplicate keys, one escaped", '{"a":1,"\\u0061":2}'],
  ["duplicate keys deep inside", '{"x":[{"y":{"a":1,"a":1}}]}'],
  ["10,000 levels of arrays", `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
  ["10,000 levels of objects", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
  ["65 levels", `${'{"a":'.repeat(65)}1${"}".repeat(65)}`],
  ["1e400", '{"a":1e400}'],
  ["-1e400", '{"a":-1e400}'],
  ["1e-400", '{"a":1e-400}'],
  ["an integer that a double cannot hold", '{"a":9007199254740993}'],
  ["a lone high surrogate", '{"a":"\\ud800"}'],
  ["a lone low surrogate as key", '{"\\udc00":1}'],
  ["surrogates the wrong way round", '{"a":"\\udc00\\ud800"}'],
  ["NaN", '{"a":NaN}'],
  ["a trailing comma", '{"a":1,}'],
  ["a comment", '{"a":1/**/}'],
  ["two texts", '{"a":1}{"b":2}'],
  ["a raw line break in a string", '{"a":"\n"}'],
  ["an unknown escape", '{"a":"\\x41"}'],
  ["a leading zero", '{"a":01}'],
  ["an open end", '{"a":{"b":1'],
  ["white space", " "],
  ["an array", "[]"],
  ["a text", '"{}"'],
  ["null", "null"],
];

describe.each(DOCUMENTS)("policies with %s", (_, policies) => {
  it("are refused in REST", async () => {
    await expectRefusal(rest(`{"policies":${policies}}`));
  });

  it("are refused in Connect JSON", async () => {
    await expectRefusal(connect(connectBody(policies)));
  });

  it.each(STREAMING.filter(({ name }) => ["grpc-js", "grpc-web"].includes(name)))(
    "are refused in $name",
    async (kind) => {
      await using driver = kind.open(server.url, ADMIN_TOKEN);
      const failure = await driver.publish(project.place.dev, { policies }).then(
        () => null,
        (thrown: unknown) => driver.failure(thrown),
      );
      expect(failure).toMatchObject({ code: "INVALID_ARGUMENT" });
      await expectUnharmed();
    },
  );
});

describe.each(["__proto__", "constructor", "toString", "hasOwnProperty"])("a key %s", (name) => {
  it("in policies is refused or kept as it is, and reaches no prototype", async () => {
    const own = await createTestProject(server, `keys ${name}`);
    const policies = `{"${name}":{"polluted":true},"b":1}`;
    const path = `${envPath(server, own, "dev")}/bundles`;
    const answer = await sendRaw(server.url, {
      path: `${path}/publish`,
      headers: JSON_TYPE,
      body: `{"policies":${policies}}`,
    });
    expect(answer.status === 200 || answer.status === 422, answer.text).toBe(true);
    if (answer.status === 200) {
      const kept = await sendRaw(server.url, { method: "GET", path: `${path}/1/document`, headers: KEY });
      expect(kept.text).toContain(`"policies":${policies}`);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    before = await fingerprint(server, project);
  });

  it("beside the fields is ignored, or refused", async () => {
    const path = `/v1/orgs/${server.orgId}/projects/${project.projectId}/environments/dev`;
    const body = `{"${name}":{"position":9,"promotes_to":null}}`;
    const answer = await sendRaw(server.url, { method: "PATCH", path, headers: JSON_TYPE, body });
    expect(answer.status === 200 || answer.status === 422, answer.text).toBe(true);
    const { text } = await sendRaw(server.url, { method: "GET", path, headers: KEY });
    expect(JSON.parse(text)).toMatchObject({ position: 0, promotes_to: "staging" });
    before = await fingerprint(server, project);
  });
});

describe("a body", () => {
  const filler = (bytes: number) => `{"policies":{"a":"${"x".repeat(bytes)}"}}`;
  const exactly = (bytes: number) => filler(bytes - filler(0).length);
  const bomb = gzipSync(filler(64 * MIB));
  const notUtf8 = Buffer.concat([Buffer.from('{"policies":{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}}')]);
  const labels = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, "v"])));
  const typed = (type: string) => ({ headers: { ...KEY, "Content-Type": type } });
  const gzip = { headers: { ...JSON_TYPE, "Content-Encoding": "gzip" } };

  it.each<[string, number | undefined, () => RawRequest]>([
    ["of 16 MiB and one byte", 413, () => rest(exactly(16 * MIB + 1))],
    ["of 16 MiB and one byte, chunked", 413, () => rest(exactly(16 * MIB + 1), { chunked: true })],
    ["of 17 MiB in Connect", undefined, () => connect(connectBody(filler(17 * MIB)))],
    ["of 17 MiB in Connect, chunked", undefined, () => connect(connectBody(filler(17 * MIB)), { chunked: true })],
    ["that is a gzip bomb", 413, () => rest(bomb, gzip)],
    ["that is a gzip bomb in Connect", undefined, () => connect(bomb, gzip)],
    ["that is no gzip", 400, () => rest("{}", gzip)],
    ["of an unknown encoding", 415, () => rest("{}", { headers: { ...JSON_TYPE, "Content-Encoding": "zstd" } })],
    ["that is not UTF-8", 400, () => rest(notUtf8)],
    ["that is not UTF-8 in Connect", 400, () => connect(notUtf8)],
    ["with a byte order mark", 400, () => rest('\ufeff{"policies":{}}')],
    ["in UTF-16", 400, () => rest(Buffer.from('{"policies":{}}', "utf16le"))],
    ["with duplicate fields", undefined, () => rest('{"policies":{},"policies":{}}')],
    ["of 10,000 levels", undefined, () => rest("[".repeat(10_000))],
    ["of 100,000 labels", 422, () => rest(`{"policies":{},"labels":${labels(100_000)}}`)],
    ["of 100,000 labels in Connect", 400, () => connect(`{${place()},"policies":"{}","labels":${labels(100_000)}}`)],
    ["with a label named __proto__", 422, () => rest('{"policies":{},"labels":{"__proto__":"x"}}')],
    ["with a label that is a number", 422, () => rest('{"policies":{},"labels":{"a":1}}')],
    ["with a title of a million", 422, () => rest(JSON.stringify({ policies: {}, title: "t".repeat(1e6) }))],
    ["with a NUL in the title", 422, () => rest('{"policies":{},"title":"a\\u0000b"}')],
    ["with a field name of a million", undefined, () => rest(JSON.stringify({ ["k".repeat(1e6)]: 1 }))],
    ["with activate as text", 422, () => rest('{"policies":{},"activate":"false"}')],
    ["as text/plain", 415, () => rest("{}", typed("text/plain"))],
    ["as gRPC over HTTP/1.1 to REST", 415, () => rest("{}", typed("application/grpc"))],
    ["as an unknown type to Connect", 415, () => connect("{}", typed("application/x-unknown"))],
    ["without a type to Connect", 415, () => connect("{}", { headers: KEY })],
    [
      "with headers of 20 KiB",
      undefined,
      () => rest("{}", { headers: { ...JSON_TYPE, "X-Long": "x".repeat(20_000) } }),
    ],
    ["with a key of 10 KiB", 401, () => rest("{}", { headers: { "X-API-Key": "x".repeat(10_000) } })],
  ])("%s", async (_, status, request) => {
    await expectRefusal(request(), status);
  });

  it.each(["-1", "1.5", "1e20", '"30"', "true", "[]", "4294967296", "3651"])("expires_in_days %s", async (value) => {
    const path = `/v1/orgs/${server.orgId}/tokens/admin`;
    await expectRefusal({ path, headers: JSON_TYPE, body: `{"expires_in_days":${value}}` }, 422);
  });
});

describe.each(["%2F", "..", "%2e%2e", ".", "%2e", "%00", "%0a", "", "\\", "%5c", "%ff", "%", "%zz", "dev%2Fbundles"])(
  "a path with %j as the environment",
  (segment) => {
    it.each(["GET", "POST"])("is refused for %s", async (method) => {
      const path = `${envPath(server, project, segment)}/bundles${method === "POST" ? "/publish" : ""}`;
      await expectRefusal({
        method,
        path,
        headers: JSON_TYPE,
        ...(method === "POST" ? { body: '{"policies":{}}' } : {}),
      });
    });
  },
);

/** INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED; neither OK, UNKNOWN nor INTERNAL. */
const BLAMES_THE_CALLER: readonly string[] = ["3", "8", "12"];

describe("a gRPC request", () => {
  const bomb = gzipSync(Buffer.alloc(64 * MIB));
  const claims = (bytes: number) => {
    const head = frame(0, "abc");
    head.writeUInt32BE(bytes, 1);
    return head;
  };
  it.each<[string, () => Uint8Array, Record<string, string>?, (readonly string[])?]>([
    ["without a frame", () => Buffer.alloc(0)],
    ["with half a head", () => Buffer.from([0, 0, 0])],
    ["whose frame is cut", () => claims(100)],
    ["whose frame claims 4 GiB", () => claims(0xffff_ffff)],
    ["with unknown flags", () => frame(0x40, "")],
    // The specification wants INTERNAL: grpc/doc/compression.md.
    ["that is compressed without saying how", () => frame(1, gzipSync("x")), {}, ["13"]],
    ["that says gzip and is none", () => frame(1, "not gzip"), { "grpc-encoding": "gzip" }],
    ["that is a gzip bomb", () => frame(1, bomb), { "grpc-encoding": "gzip" }],
    ["in an unknown encoding", () => frame(1, "x"), { "grpc-encoding": "rot13" }],
    ["that is no message", () => frame(0, Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    ["whose text is not UTF-8", () => frame(0, Buffer.from([0x22, 2, 0xc3, 0x28]))],
    ["with two messages", () => Buffer.concat([frame(0, ""), frame(0, "")])],
    ["of 17 MiB", () => frame(0, Buffer.alloc(17 * MIB))],
  ])("%s ends with a status that blames the caller", async (_, body, headers = {}, expected = BLAMES_THE_CALLER) => {
    using session = openHttp2(server.url);
    const all = { "content-type": "application/grpc", te: "trailers", "x-api-key": ADMIN_TOKEN, ...headers };
    const answer = await http2Call(session, "/signet.v1.BundleService/PublishBundle", all, body());
    const status = answer.trailers["grpc-status"] ?? answer.headers["grpc-status"];
    const message = String(answer.trailers["grpc-message"] ?? answer.headers["grpc-message"]);
    expect(expected, `${String(status)} ${message} ${answer.rstCode}`).toContain(status);
    await expectUnharmed();
  });
});
