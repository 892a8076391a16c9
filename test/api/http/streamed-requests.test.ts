import { create, type DescMethod } from "@bufbuild/protobuf";
import { anyPack, AnySchema, EmptySchema } from "@bufbuild/protobuf/wkt";
import { createMethodImplSpec, type HandlerContext, type MethodImplSpec } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { BundleSchema, BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { AppError } from "../../../src/core/error.js";
import { DEFAULT_LIMITS } from "../../../src/api/listener/limits.js";
import { KEYS, openRig } from "./rig.js";
import { closed, frame, openHttp2, RawConnection } from "./wire.js";

const MIB = 1024 * 1024;
const GET_HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/** A method of a kind that signet.v1 has none of. */
function methodOf(name: string, shape: Partial<DescMethod>): DescMethod {
  return { ...BundleService.method.listKeys, name, ...shape };
}

function pathOf({ method }: MethodImplSpec): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Answers with an error after the first message, when there is one. */
const impatient = createMethodImplSpec(
  methodOf("Impatient", { methodKind: "client_streaming", input: EmptySchema, output: EmptySchema }) as never,
  (async (requests: AsyncIterable<unknown>) => {
    for await (const _ of requests) throw new AppError("conflict", "one is enough");
    return create(EmptySchema);
  }) as never,
);

/** Waits for messages that do not come, but no longer than its deadline. */
const patient = createMethodImplSpec(
  methodOf("Patient", { methodKind: "client_streaming", input: EmptySchema, output: EmptySchema }) as never,
  (async (requests: AsyncIterable<unknown>, { signal }: HandlerContext) => {
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    const iterator = requests[Symbol.asyncIterator]();
    while ((await Promise.race([iterator.next(), late])).done !== true);
    return create(EmptySchema);
  }) as never,
);

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

function head(method: MethodImplSpec, ...headers: string[]): string {
  const all = ["Host: x", `X-API-Key: ${KEYS.ci}`, "Content-Type: application/connect+proto", ...headers];
  return [`POST ${pathOf(method)} HTTP/1.1`, ...all, "Transfer-Encoding: chunked", "", ""].join("\r\n");
}

const EMPTY = frame(0, "");

describe("a stream of requests over HTTP/1.1 that is answered before it ends", () => {
  test.each([
    ["by its method", EMPTY, "one is enough"],
    ["by the limit of messages", frame(0, Buffer.alloc(2 * MIB)), "larger than"],
    ["by what is no message", frame(0, Buffer.from([0x0a, 0xff])), "internal"],
  ])("%s leaves its connection to the next request", async (_name, first, told) => {
    await using rig = await openRig({ methods: [impatient] });
    using raw = new RawConnection(rig.port);
    await raw.send(head(impatient));
    await raw.send(chunk(first));
    await raw.until(told);
    // More than a connection takes that nobody reads.
    for (let sent = 0; sent < 4; sent++) await raw.send(chunk(Buffer.alloc(MIB)));
    await raw.send(`0\r\n\r\n${GET_HEALTH}`);
    await raw.until("1.2.3");
    expect(raw.text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  test("by its deadline leaves its connection to the next request", async () => {
    await using rig = await openRig({ methods: [patient] });
    using raw = new RawConnection(rig.port);
    await raw.send(head(patient, "Connect-Timeout-Ms: 20"));
    await raw.until("deadline_exceeded");
    for (let sent = 0; sent < 4; sent++) await raw.send(chunk(Buffer.alloc(MIB)));
    await raw.send(`0\r\n\r\n${GET_HEALTH}`);
    await raw.until("1.2.3");
  });

  test("may not go on for ever", async () => {
    const limits = { ...DEFAULT_LIMITS, maxDiscardBytes: MIB };
    await using rig = await openRig({ methods: [impatient], limits });
    using raw = new RawConnection(rig.port);
    await raw.send(head(impatient));
    await raw.send(chunk(EMPTY));
    await raw.until("one is enough");
    for (let sent = 0; sent < 4; sent++) raw.socket.write(chunk(Buffer.alloc(MIB)));
    await raw.closed();
  });
});

test("an answer that is larger than the client's window arrives whole though the request never ends, in HTTP/2", async () => {
  const bytes = 3 * MIB;
  const large = createMethodImplSpec(
    methodOf("Large", { methodKind: "bidi_streaming", input: EmptySchema, output: AnySchema }) as never,
    async function* () {
      yield create(AnySchema, { value: new Uint8Array(bytes) });
    } as never,
  );
  await using rig = await openRig({ methods: [large] });
  using session = openHttp2(rig.url);
  const headers = { "content-type": "application/grpc", "x-api-key": KEYS.ci };
  const stream = session.request({ ":method": "POST", ":path": pathOf(large), ...headers }, { endStream: false });
  stream.write(EMPTY);
  let received = 0;
  let status: unknown;
  stream.on("data", (data: Buffer) => (received += data.byteLength));
  stream.on("trailers", (trailers: Record<string, unknown>) => (status = trailers["grpc-status"]));
  await closed(stream);
  expect(received).toBeGreaterThan(bytes);
  expect({ status, code: stream.rstCode }).toEqual({ status: "0", code: 0 });
});

test("a google.protobuf.Any is answered as JSON", async () => {
  const wrapped = createMethodImplSpec(
    methodOf("Wrapped", { output: AnySchema }) as never,
    (() => anyPack(BundleSchema, create(BundleSchema, { version: 7 }))) as never,
  );
  await using rig = await openRig({ methods: [wrapped] });
  const answer = await fetch(rig.url + pathOf(wrapped), {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": KEYS.ci },
    body: "{}",
  });
  expect(await answer.json()).toMatchObject({ "@type": "type.googleapis.com/signet.v1.Bundle", version: 7 });
});
