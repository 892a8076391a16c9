import { once } from "node:events";
import { connect, constants } from "node:http2";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { RuntimeService, type WatchBundleResponseSchema } from "../../../gen/signet/v1/runtime_pb.js";
import { AppError, notFound } from "../../../src/core/error.js";
import { implement, startRest, type FixtureOptions } from "./rest-server.js";

type Event = MessageInitShape<typeof WatchBundleResponseSchema>;

const path = "/v1/bundles/watch";
const events = { accept: "text/event-stream" };

function start(watch: (context: HandlerContext) => AsyncIterable<Event>, options: FixtureOptions = {}) {
  return startRest([implement(RuntimeService.method.watchBundle, (_request, context) => watch(context))], options);
}

async function* two(context: HandlerContext): AsyncGenerator<Event> {
  context.responseHeader.set("Signet-Test", "yes");
  yield { sequence: 1, event: { case: "activation", value: { sequence: 1, document: '{"a":1}' } } };
  yield { sequence: 1, event: { case: "heartbeat", value: {} } };
}

async function* failing(): AsyncGenerator<Event> {
  yield { sequence: 1, event: { case: "nothingActive", value: {} } };
  throw new AppError("unauthenticated", "the token was revoked");
}

describe("streams", () => {
  it("are lines of JSON", async () => {
    const rest = await start(two);
    const { status, headers, text } = await rest.send({ path });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "application/x-ndjson",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "signet-test": "yes",
    });
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([
      { sequence: 1, activation: { document: { a: 1 }, attestation: null }, nothing_active: null, heartbeat: null },
      { sequence: 1, activation: null, nothing_active: null, heartbeat: { at: null, attestation: null } },
    ]);
    expect(await rest.outcomes(1)).toEqual([
      {
        operationId: "watchBundle",
        keyPrefix: "sgn_test",
        keyName: null,
        isStream: true,
        status: 200,
        error: undefined,
      },
    ]);
  });

  it("are events for those who accept them", async () => {
    const { headers, text } = await (await start(two)).send({ path, headers: events });
    expect(headers["content-type"]).toBe("text/event-stream");
    expect(text.split("\n\n").map((event) => event.split("\n").slice(0, 2))).toEqual([
      ["event: activation", "id: 1"],
      ["event: heartbeat", "id: 1"],
      [""],
    ]);
  });

  it("without a message are an empty success", async () => {
    const rest = await start(async function* () {});
    expect(await rest.send({ path })).toMatchObject({ status: 200, text: "" });
  });

  it("fail with a status before the first message", async () => {
    const rest = await start(async function* () {
      throw notFound("environment");
    });
    const answer = await rest.send({ path, headers: events });
    expect([answer.status, answer.headers["content-type"]]).toEqual([404, "application/json"]);
    expect(answer.json).toMatchObject({ detail: "environment not found" });
    expect(answer.headers["x-accel-buffering"]).toBeUndefined();
    expect((await rest.outcomes(1))[0]).toMatchObject({ status: 404, error: { code: "not_found" } });
  });

  it("fail with a last line after it", async () => {
    const rest = await start(failing);
    const { status, text } = await rest.send({ path });
    const [first, last, ...rest_] = text.split("\n");
    expect(status).toBe(200);
    expect(JSON.parse(first ?? "")).toMatchObject({ nothing_active: {} });
    expect(JSON.parse(last ?? "")).toEqual({
      error: {
        ...{ detail: "the token was revoked", error: "Unauthorized", message: "the token was revoked" },
        ...{ code: 401, status: 401, requestId: "req-1" },
      },
    });
    expect(rest_).toEqual([""]);
    expect((await rest.outcomes(1))[0]).toMatchObject({ status: 200, error: { code: "unauthenticated" } });
  });

  it("fail with an error event after it, which says nothing internal", async () => {
    const rest = await start(async function* () {
      yield {};
      throw new Error("SELECT secret");
    });
    const { text } = await rest.send({ path, headers: events });
    const last = text.trimEnd().split("\n\n").at(-1)?.split("\n") ?? [];
    expect(last[0]).toBe("event: error");
    expect(JSON.parse(last[1]?.replace("data: ", "") ?? "")).toMatchObject({ detail: "internal error", code: 500 });
    expect(text).not.toContain("secret");
  });

  it("the head goes with the first message, and each message at once", async () => {
    let next: () => void = () => undefined;
    const rest = await start(async function* () {
      yield { sequence: 1 };
      await new Promise<void>((resolve) => (next = resolve));
      yield { sequence: 2 };
    });
    const response = await rest.open({ path });
    const lines = response[Symbol.asyncIterator]();
    expect(String((await lines.next()).value)).toMatch(/^\{"sequence":1,.*\}\n$/);
    next();
    expect(String((await lines.next()).value)).toMatch(/^\{"sequence":2,/);
    expect((await lines.next()).done).toBe(true);
  });

  it("answer no HEAD", async () => {
    let called = false;
    const rest = await start(async function* () {
      called = true;
      yield {};
    });
    const answer = await rest.send({ method: "HEAD", path });
    expect([answer.status, answer.headers["allow"]]).toEqual([405, "GET"]);
    expect(called).toBe(false);
  });

  it("a stream that returns at shutdown ends with unavailable", async () => {
    const rest = await start(async function* (context) {
      yield { sequence: 1 };
      await once(context.signal, "abort");
    });
    const response = await rest.open({ path });
    const lines = response[Symbol.asyncIterator]();
    await lines.next();
    rest.shutdown.abort(new AppError("unavailable", "the server is shutting down"));
    expect(JSON.parse(String((await lines.next()).value))).toMatchObject({ error: { code: 503 } });
    expect((await rest.outcomes(1))[0]).toMatchObject({ status: 200, error: { code: "unavailable" } });
  });
});

describe("a client that goes away", () => {
  /** A watch that ends when it is told, and says when it did. */
  function endless() {
    let ended: (aborted: boolean) => void = () => undefined;
    const over = new Promise<boolean>((resolve) => (ended = resolve));
    async function* watch(context: HandlerContext): AsyncGenerator<Event> {
      try {
        yield { sequence: 1 };
        await once(context.signal, "abort");
      } finally {
        ended(context.signal.aborted);
      }
    }
    return { watch, over };
  }

  it("ends the generator", async () => {
    const { watch, over } = endless();
    const rest = await start(watch);
    const response = await rest.open({ path });
    await once(response, "readable");
    response.destroy();
    expect(await over).toBe(true);
    expect((await rest.outcomes(1))[0]).toMatchObject({ status: 200, error: { code: "cancelled" } });
  });

  it("ends the generator, over HTTP/2", async () => {
    const { watch, over } = endless();
    const rest = await start(watch, { http2: true });
    const session = connect(`http://127.0.0.1:${rest.port}`);
    const stream = session.request({ ":path": path });
    await once(stream, "readable");
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await over).toBe(true);
    expect((await rest.outcomes(1))[0]).toMatchObject({ error: { code: "cancelled" } });
    session.close();
    await once(session, "close");
  });

  it("ends the call, also of a generator that looks at no signal", async () => {
    const rest = await start(async function* () {
      yield { sequence: 1 };
      await new Promise(() => undefined);
    });
    const response = await rest.open({ path });
    await once(response, "readable");
    response.destroy();
    expect((await rest.outcomes(1))[0]).toMatchObject({ error: { code: "cancelled" } });
  });
});
