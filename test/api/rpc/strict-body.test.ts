import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { MESSAGE_SLACK_BYTES } from "../../../src/api/admission/request-size.js";
import { KEYS, openRig, ORG, type Rig } from "../http/rig.js";
import { frame, http2Call, openHttp2 } from "../http/wire.js";

const PATH = "/signet.v1.BundleService/PublishBundle";
const VALID = `{"orgId":"${ORG}","title":"t","policies":"{}"}`;

interface Answered {
  /** The canonical gRPC code; 0 is success. */
  readonly code: number;
  readonly message: string;
}

const CODES: Record<string, number> = {
  invalid_argument: 3,
  resource_exhausted: 8,
  unimplemented: 12,
  internal: 13,
};

type Send = (rig: Rig, body: Uint8Array | string, headers?: Record<string, string>) => Promise<Answered>;

const connectJson: Send = async (rig, body, headers = {}) => {
  const answer = await fetch(rig.url + PATH, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": KEYS.ci, ...headers },
    body: Buffer.from(body as string),
  });
  if (answer.status === 200) return { code: 0, message: "" };
  const error = (await answer.json()) as { code: string; message: string };
  return { code: CODES[error.code] ?? -1, message: error.message };
};

const grpcJson: Send = async (rig, body, headers = {}) => {
  using session = openHttp2(rig.url);
  const all = { "content-type": "application/grpc+json", "x-api-key": KEYS.ci, ...headers };
  const compressed = "grpc-encoding" in headers ? 1 : 0;
  const answer = await http2Call(session, PATH, all, frame(compressed, body));
  const status = { ...answer.headers, ...answer.trailers };
  return { code: Number(status["grpc-status"]), message: decodeURIComponent(String(status["grpc-message"] ?? "")) };
};

const grpcWebJson: Send = async (rig, body, headers = {}) => {
  const compressed = "grpc-encoding" in headers ? 1 : 0;
  const answer = await fetch(rig.url + PATH, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+json", "x-api-key": KEYS.ci, ...headers },
    body: frame(compressed, body),
  });
  const text = Buffer.from(await answer.arrayBuffer()).toString();
  const message = /grpc-message: (.*)\r\n/.exec(text)?.[1] ?? "";
  return { code: Number(/grpc-status: (\d+)/.exec(text)?.[1]), message: decodeURIComponent(message) };
};

const forms: [string, Send, string][] = [
  ["Connect JSON", connectJson, "content-encoding"],
  ["gRPC JSON", grpcJson, "grpc-encoding"],
  ["gRPC-Web JSON", grpcWebJson, "grpc-encoding"],
];

const flaws: [string, Uint8Array | string, RegExp][] = [
  ["a key twice", `{"orgId":"${ORG}","title":"a","title":"b"}`, /duplicate key/],
  ["a key twice, once escaped", `{"title":"a","\\u0074itle":"b"}`, /duplicate key/],
  ["broken UTF-8", Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]), /UTF-8/],
  ["a lone surrogate", `{"title":"\\ud800"}`, /surrogate/],
  ["10,000 levels", `{"x":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, /levels/],
  ["no JSON", "{title:1}", /JSON/],
  ["nothing", "", /JSON/],
];

describe.each(forms)("%s", (_form, send, encodingHeader) => {
  test("takes JSON that loses nothing", async () => {
    await using rig = await openRig();
    expect(await send(rig, VALID)).toEqual({ code: 0, message: "" });
    expect(rig.published).toHaveLength(1);
  });

  test.each(flaws)("refuses %s", async (_name, body, message) => {
    await using rig = await openRig();
    const answered = await send(rig, body);
    expect(answered.code).toBe(3);
    expect(answered.message).toMatch(message);
    expect(rig.published).toEqual([]);
  });

  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("takes %s, and looks inside", async (name, compress) => {
    await using rig = await openRig();
    const headers = { [encodingHeader]: name };
    expect(await send(rig, compress(VALID), headers)).toEqual({ code: 0, message: "" });
    expect(rig.published).toMatchObject([{ orgId: ORG, title: "t" }]);
    expect(await send(rig, compress('{"title":"a","title":"b"}'), headers)).toMatchObject({ code: 3 });
    expect(await send(rig, "no such thing", headers)).toMatchObject({ code: 3 });
    const cut = compress(VALID).subarray(0, -4);
    expect(await send(rig, cut, headers)).toMatchObject({ code: 3 });
    expect(rig.published).toHaveLength(1);
  });

  test("refuses an encoding that it does not know", async () => {
    await using rig = await openRig();
    expect(await send(rig, VALID, { [encodingHeader]: "zstd" })).toMatchObject({ code: 12 });
    expect(rig.published).toEqual([]);
  });

  test.each([
    ["a body over the limit", Buffer.alloc(2 * 1024 * 1024, " "), {}],
    ["a bomb", gzipSync(Buffer.alloc(64 * 1024 * 1024, " ")), { [encodingHeader]: "gzip" }],
  ])("answers %s with resource_exhausted", async (_name, body, headers) => {
    await using rig = await openRig();
    const answered = await send(rig, body, headers);
    expect(answered.code).toBe(8);
    expect(answered.message).toMatch(/larger than the limit of \d+ bytes/);
    expect(rig.published).toEqual([]);
  });
});

describe("binary gRPC", () => {
  const cases: [string, Uint8Array, Record<string, string>, number][] = [
    ["half a frame head", Buffer.from([0, 0]), {}, 3],
    ["a frame that promises more than comes", Buffer.from([0, 0, 0, 0, 9, 1]), {}, 3],
    ["a frame that promises more than the limit", Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]), {}, 8],
    ["no protobuf", frame(0, Buffer.from([0x0a, 0xff])), {}, 3],
    ["a string that is no UTF-8", frame(0, Buffer.from([0x0a, 1, 0xff])), {}, 3],
    ["no message", Buffer.alloc(0), {}, 12],
    ["two messages", Buffer.concat([frame(0, ""), frame(0, "")]), {}, 12],
    ["flags that nobody knows", frame(4, ""), {}, 3],
    ["a compressed message without encoding", frame(1, gzipSync("")), {}, 13],
    ["a bomb", frame(1, gzipSync(Buffer.alloc(64 * 1024 * 1024))), { "grpc-encoding": "gzip" }, 8],
    ["a body over the limit", frame(0, Buffer.alloc(2 * 1024 * 1024)), {}, 8],
  ];

  test.each(cases)("%s is refused with a clear status", async (_name, body, headers, code) => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const all = { "content-type": "application/grpc", "x-api-key": KEYS.ci, ...headers };
    const answer = await http2Call(session, PATH, all, body);
    expect(answer.headers[":status"]).toBe(200);
    expect(Number({ ...answer.headers, ...answer.trailers }["grpc-status"])).toBe(code);
    expect(rig.published).toEqual([]);
    expect((await http2Call(session, "/healthz", { ":method": "GET" }, "")).headers[":status"]).toBe(200);
  });

  test.each([
    // Read, and found to name no organization.
    ["as large as the limit is read", 0, 3, /is required/],
    ["a byte larger is refused", 1, 8, /larger than/],
  ])("a message that is %s: its frame's head does not count", async (_name, more, code, message) => {
    const maxBytes = 1024 * 1024 + MESSAGE_SLACK_BYTES;
    // An unknown field: key, length in three bytes, and as many bytes.
    const length = maxBytes - 5 + more;
    const field = Buffer.from([0xfa, 0x3f, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
    const body = frame(0, Buffer.concat([field, Buffer.alloc(length)]));
    expect(body.byteLength).toBe(maxBytes + more + 5);
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const all = { "content-type": "application/grpc", "x-api-key": KEYS.ci };
    const answer = await http2Call(session, PATH, all, body);
    const status = { ...answer.headers, ...answer.trailers };
    expect(Number(status["grpc-status"])).toBe(code);
    expect(decodeURIComponent(String(status["grpc-message"]))).toMatch(message);
  });

  test("a body of one-byte chunks is read in linear time", async () => {
    await using rig = await openRig();
    using session = openHttp2(rig.url);
    const headers = { "content-type": "application/grpc", "x-api-key": KEYS.ci };
    const stream = session.request({ ":method": "POST", ":path": PATH, ...headers }, { endStream: false });
    // A frame that promises 30,000 bytes of an unknown field, in as many DATA frames.
    const message = Buffer.concat([Buffer.from([0xfa, 0x3f, 0xb0, 0xea, 0x01]), Buffer.alloc(30_000)]);
    for (const byte of frame(0, message)) stream.write(Buffer.from([byte]));
    stream.end();
    const trailers = await new Promise<Record<string, unknown>>((resolve) => {
      stream.once("trailers", resolve);
      stream.resume();
    });
    // Read, and found to name no organization.
    expect(trailers).toMatchObject({
      "grpc-status": "3",
      "grpc-message": expect.stringContaining("required") as string,
    });
  });
});
