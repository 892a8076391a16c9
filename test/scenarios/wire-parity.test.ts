import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { request } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { create, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WatchBundleRequestSchema, WatchBundleResponseSchema } from "../../gen/signet/v1/runtime_pb.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { createTestProject, type TestProject } from "./project.js";

const WATCH = "/signet.v1.RuntimeService/WatchBundle";
/** Above the size from which on frames are compressed. */
const FILLER = 3000;

let signet: TestServer;
beforeAll(async () => {
  signet = await startTestServer();
});
afterAll(() => signet[Symbol.asyncDispose]());

interface Asked {
  readonly version: "1.1" | "2";
  readonly method?: string;
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Everything that a client can see of an answer. */
interface Seen {
  readonly status: number;
  readonly headers: unknown;
  readonly trailers: unknown;
  readonly body: string;
}

const message = (json: boolean, fields: { afterSequence?: number; instanceId?: string } = {}) => {
  const data = json
    ? Buffer.from(JSON.stringify(fields))
    : Buffer.from(toBinary(WatchBundleRequestSchema, create(WatchBundleRequestSchema, fields)));
  return Buffer.concat([envelopeHead(0, data.byteLength), data]);
};

function envelopeHead(flags: number, length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return head;
}

const RPC = [
  ["application/grpc", false],
  ["application/grpc+proto", false],
  ["application/grpc+json", true],
  ["application/grpc-web+proto", false],
  ["application/grpc-web+json", true],
  ["application/connect+proto", false],
  ["application/connect+json", true],
] as const;

/** What is sent, and how the stream ends after its first change. */
const CASES: readonly (readonly [string, Asked])[] = [
  ...RPC.flatMap(([type, json]) =>
    (["2", "1.1"] as const).flatMap((version) => [
      [`${type} over HTTP/${version}`, { version, headers: { "content-type": type }, body: message(json) }] as const,
    ]),
  ),
  ...["gzip", "br", "identity,deflate,gzip", "zstd"].flatMap((encodings) => [
    [`gRPC that accepts ${encodings}`, grpc({ "grpc-accept-encoding": encodings })] as const,
    [
      `gRPC-Web that accepts ${encodings}`,
      grpc({ "content-type": "application/grpc-web", "grpc-accept-encoding": encodings }),
    ] as const,
    [
      `Connect that accepts ${encodings}`,
      grpc({ "content-type": "application/connect+proto", "connect-accept-encoding": encodings }),
    ] as const,
  ]),
  ["gRPC with an unknown encoding", grpc({ "grpc-encoding": "zstd" })],
  ["gRPC with a broken deadline", grpc({ "grpc-timeout": "soon" })],
  ["gRPC with a deadline", grpc({ "grpc-timeout": "700m" })],
  ["gRPC with a deadline of a hundred years", grpc({ "grpc-timeout": "876000H" })],
  [
    "Connect with a deadline",
    grpc({ "content-type": "application/connect+json", "connect-timeout-ms": "700" }, message(true)),
  ],
  ["gRPC with a Last-Event-ID that is none", grpc({ "last-event-id": "x" })],
  ["gRPC with an instance id that is too long", grpc({}, message(false, { instanceId: "x".repeat(129) }))],
  ["gRPC without a message", grpc({}, Buffer.alloc(0))],
  ["gRPC with half a message", grpc({}, message(false, { instanceId: "abc" }).subarray(0, 7))],
  ["gRPC with two messages", grpc({}, Buffer.concat([message(false), message(false)]))],
  ["gRPC with what is no message", grpc({}, Buffer.concat([envelopeHead(0, 3), Buffer.from([255, 255, 255])]))],
  ["gRPC with unknown flags", grpc({}, Buffer.concat([envelopeHead(4, 0)]))],
  [
    "Connect JSON that is none",
    grpc({ "content-type": "application/connect+json" }, Buffer.concat([envelopeHead(0, 2), Buffer.from("{]")])),
  ],
  [
    "Connect JSON of another shape",
    grpc(
      { "content-type": "application/connect+json" },
      Buffer.concat([envelopeHead(0, 22), Buffer.from('{"afterSequence":"abc"}'.slice(0, 22))]),
    ),
  ],
  ["gRPC without a token", grpc({ authorization: "" })],
  ["gRPC with a token that is none", grpc({ authorization: "Bearer nobody" })],
  ...(["1.1", "2"] as const).flatMap((version) => [
    [`SSE over HTTP/${version}`, rest(version, { accept: "text/event-stream" })] as const,
    [`NDJSON over HTTP/${version}`, rest(version, {})] as const,
    [`NDJSON with a Last-Event-ID that is none over HTTP/${version}`, rest(version, { "last-event-id": "x" })] as const,
  ]),
];

function grpc(headers: Record<string, string>, body = message(false)): Asked {
  return { version: "2", headers: { "content-type": "application/grpc", te: "trailers", ...headers }, body };
}

function rest(version: "1.1" | "2", headers: Record<string, string>): Asked {
  return { version, method: "GET", path: "/v1/bundles/watch?after_sequence=0", headers };
}

/** The snapshots were taken from connect-es's own handlers, before watches had one of ours. Only the words of errors may change. */
describe("what a client sees of a watch is what the protocol's own handler answers", () => {
  it.each(CASES)("%s", async (_name, asked) => {
    const seen = await watchToTheEnd(signet, asked);
    expect(seen.status).toBeGreaterThanOrEqual(200);
    expect(seen).toMatchSnapshot();
  });
});

let projects = 0;

/** Opens a watch, publishes, and revokes its token, so that it ends. A token that has called before is one that is in memory. */
async function watchToTheEnd(server: TestServer, asked: Asked): Promise<Seen> {
  const project = await createTestProject(server, `parity-${(projects += 1)}`);
  await project.publish("dev", 1, FILLER);
  const token = project.runtimeToken.dev;
  await fetch(`${server.url}/v1/bundles/latest`, { headers: { "x-api-key": token } });
  const headers = { authorization: `Bearer ${token}`, "x-request-id": "parity", ...asked.headers };
  let chunks = 0;
  const changes: Promise<unknown>[] = [];
  const onChunk = () => {
    chunks += 1;
    changes.push(afterChunk());
  };
  const afterChunk = async () => {
    if (chunks === 1) await project.publish("dev", 2, FILLER);
    if (chunks === 2 && !isTimed(asked)) {
      await server.admin.tokens.revokeToken({ orgId: server.orgId, keyId: await project.runtimeTokenId("dev") });
    }
  };
  const seen = await (asked.version === "2" ? overHttp2 : overHttp1)(server.url, { ...asked, headers }, onChunk);
  await Promise.all(changes);
  return masked(seen, project);
}

/** The deadline ends it. */
function isTimed({ headers }: Asked): boolean {
  return headers["grpc-timeout"] === "700m" || headers["connect-timeout-ms"] !== undefined;
}

interface Raw {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

async function overHttp2(
  url: string,
  { method = "POST", path = WATCH, headers, body }: Asked,
  onChunk: () => unknown,
): Promise<Raw> {
  const session: ClientHttp2Session = connect(url);
  const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: body === undefined });
  let [answered, trailers]: IncomingHttpHeaders[] = [{}, {}];
  const chunks: Buffer[] = [];
  stream.on("response", (received) => (answered = received));
  stream.on("trailers", (received: IncomingHttpHeaders) => (trailers = received));
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    onChunk();
  });
  if (body !== undefined) stream.end(body);
  await new Promise((resolve, reject) => stream.once("close", resolve).once("error", reject));
  session.close();
  return {
    status: Number(answered?.[":status"]),
    headers: answered ?? {},
    trailers: trailers ?? {},
    body: Buffer.concat(chunks),
  };
}

function overHttp1(
  url: string,
  { method = "POST", path = WATCH, headers, body }: Asked,
  onChunk: () => unknown,
): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url + path,
      { method, headers: { ...headers, "content-length": String(body?.byteLength ?? 0) } },
      (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          onChunk();
        });
        res.on("error", reject);
        res.on("end", () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            trailers: res.trailers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Without what differs from one run to the next: ids, times, keys. Compressed frames are shown as what they hold. */
function masked({ status, headers, trailers, body }: Raw, project: TestProject): Seen {
  const { date: _, ...rest } = headers;
  return {
    status,
    headers: JSON.parse(mask(JSON.stringify(rest), project)),
    trailers: JSON.parse(mask(JSON.stringify(trailers), project)),
    body: mask(
      String(headers["content-type"]).match(/grpc|connect/) ? frames(body, headers) : body.toString(),
      project,
    ),
  };
}

function frames(body: Buffer, headers: IncomingHttpHeaders): string {
  const shown: string[] = [];
  for (let at = 0; at + 5 <= body.byteLength;) {
    const [flags, length] = [body.readUInt8(at), body.readUInt32BE(at + 1)];
    const data = body.subarray(at + 5, at + 5 + length);
    const plain = flags & 1 ? decompressed(data, headers) : data;
    const isMessage = flags <= 1 && !String(headers["content-type"]).endsWith("json");
    // Times have bytes that come and go.
    const text = isMessage
      ? toJsonString(WatchBundleResponseSchema, fromBinary(WatchBundleResponseSchema, plain))
      : plain;
    shown.push(`${flags} ${text.toString()}`);
    at += 5 + length;
  }
  return shown.join("\n");
}

function decompressed(data: Buffer, headers: IncomingHttpHeaders): Buffer {
  const name = headers["grpc-encoding"] ?? headers["connect-content-encoding"];
  return name === "br" ? brotliDecompressSync(data) : gunzipSync(data);
}

function mask(text: string, project: TestProject): string {
  return (
    text
      .replaceAll(project.projectId, "PROJECT")
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID")
      .replace(/((?:payload|sig)\\?":\\?")[A-Za-z0-9+/=]+/g, "$1BASE64")
      .replace(/[A-Za-z0-9+/]{86}==/g, "SIGNATURE")
      .replace(/[0-9a-f]{64,}/g, "HEX")
      .replace(/(key_id[^0-9a-f]+)[0-9a-f]{16}/g, "$1KEY")
      .replace(/\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)/g, "TIME")
      .replace(/parity-\d+/g, "parity")
      // The words of errors may become better.
      .replace(/("(?:message|detail|msg)":)"(?:[^"\\]|\\.)*"/g, '$1"TEXT"')
      .replace(/(grpc-message"?: ?"?)[^"\r\n]+/g, "$1TEXT")
      .replace(/(grpc-status-details-bin"?: ?"?)[^"\r\n]+/g, "$1BINARY")
      .replace(/\d+ms/g, "MS")
  );
}
