import { once } from "node:events";
import { connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { createMethodImplSpec } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { BundleService } from "../../../gen/signet/v1/bundle_pb.js";
import { RuntimeService } from "../../../gen/signet/v1/runtime_pb.js";
import { AppError } from "../../../src/core/error.js";
import { implement, startRest, type FixtureOptions } from "./rest-server.js";

const publish = "/v1/orgs/o/projects/p/envs/dev/bundles/publish";

async function start(options: FixtureOptions = {}) {
  const titles: (string | undefined)[] = [];
  const specs = [
    // Past the guard, which would want policies.
    createMethodImplSpec(BundleService.method.publishBundle, ({ title }) => {
      titles.push(title);
      return {};
    }),
    implement(BundleService.method.deleteBundle, () => {
      titles.push("deleted");
      return {};
    }),
    implement(RuntimeService.method.sendTelemetry, ({ events }) => {
      titles.push(events);
      return {};
    }),
  ];
  return { rest: await startRest(specs, options), titles };
}

const body = '{"title": "t"}';

describe("media type", () => {
  it.each([
    undefined,
    "application/json",
    "application/x-www-form-urlencoded",
    "application/merge-patch+json; charset=utf-8",
  ])("a body of type %s is read", async (type) => {
    const { rest, titles } = await start();
    const headers = type === undefined ? {} : { "content-type": type };
    expect((await rest.send({ method: "POST", path: publish, body, headers })).status).toBe(200);
    expect(titles).toEqual(["t"]);
  });

  it.each([
    [{ "content-type": "text/plain" }, false],
    [{ "content-type": "text/plain" }, true],
    [{ "content-type": "application/json; charset=utf-16" }, false],
    [{ "content-encoding": "zstd" }, false],
    [{ "content-encoding": "gzip, gzip" }, true],
  ])("%j is refused (chunked: %s)", async (headers, chunked) => {
    const { rest, titles } = await start();
    const answer = await rest.send({ method: "POST", path: publish, body, headers, chunked });
    expect([answer.status, answer.json["error"]]).toEqual([415, "Unsupported Media Type"]);
    expect(titles).toEqual([]);
  });

  it.each([[{}], [{ "content-length": "0" }], [{ "transfer-encoding": "chunked" }]])(
    "no body is of no type: %j",
    async (framing) => {
      const { rest, titles } = await start();
      const headers = { "content-type": "text/plain", "content-encoding": "zstd", ...framing };
      expect((await rest.send({ method: "POST", path: publish, headers })).status).toBe(200);
      expect(titles).toEqual([undefined]);
    },
  );
});

describe("body", () => {
  it.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["GZIP", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
    ["identity", (text: string) => Buffer.from(text)],
  ])("in %s is read", async (encoding, compress) => {
    const { rest, titles } = await start();
    const headers = { "content-encoding": encoding };
    expect((await rest.send({ method: "POST", path: publish, body: compress(body), headers })).status).toBe(200);
    expect(titles).toEqual(["t"]);
  });

  it.each([
    ["invalid UTF-8", Buffer.from([0x22, 0xff, 0x22]), {}],
    ["an encoded surrogate", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), {}],
    ["an overlong slash", Buffer.from([0x22, 0xc0, 0xaf, 0x22]), {}],
    ["half a character at the end", Buffer.from([0x22, 0xc3]), {}],
    ["a byte order mark", Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(body)]), {}],
    ["UTF-16", Buffer.from(body, "utf16le"), {}],
    ["broken JSON", '{"title": ', {}],
    ["form fields", "title=t", { "content-type": "application/x-www-form-urlencoded" }],
    ["no gzip", body, { "content-encoding": "gzip" }],
    ["half a gzip", gzipSync(body).subarray(0, 20), { "content-encoding": "gzip" }],
    ["raw deflate", "\u0001\u0002", { "content-encoding": "deflate" }],
  ])("%s is malformed", async (_what, sent, headers) => {
    const { rest, titles } = await start();
    const answer = await rest.send({ method: "POST", path: publish, body: sent, headers });
    expect([answer.status, answer.json["error"]]).toEqual([400, "Bad Request"]);
    expect(titles).toEqual([]);
  });

  it.each([
    ["duplicate keys", '{"title": "a", "title": "b"}', ["body", "title"], "duplicate_key"],
    ["__proto__", '{"__proto__": {"title": "x"}}', ["body", "__proto__"], "prototype_key"],
    ["an array", "[]", ["body"], "type"],
    ["a wrong type", '{"labels": {"x": 1}}', ["body", "labels", "x"], "type"],
  ])("%s is refused by field", async (_what, sent, loc, type) => {
    const { rest, titles } = await start();
    const answer = await rest.send({ method: "POST", path: publish, body: sent });
    expect(answer.json).toMatchObject({ code: 422, detail: [{ loc, type }] });
    expect(titles).toEqual([]);
  });

  it("a depth of 10,000 is refused, not a crash", async () => {
    const { rest, titles } = await start();
    const deep = "[".repeat(10_000) + "]".repeat(10_000);
    for (const [path, sent] of [
      [publish, `{"policies": ${deep}}`],
      ["/v1/telemetry/events", deep],
    ] as const) {
      expect((await rest.send({ method: "POST", path, body: sent })).json).toMatchObject({
        code: 422,
        detail: [{ type: "depth" }],
      });
    }
    expect(titles).toEqual([]);
  });
});

describe("limit", () => {
  const limits = { maxBodyBytes: 1_000 };
  const exactly = `{"title": "t"}${" ".repeat(1_000 - body.length)}`;

  it.each([true, false])("a body of the limit passes (chunked: %s)", async (chunked) => {
    const { rest, titles } = await start(limits);
    expect((await rest.send({ method: "POST", path: publish, body: exactly, chunked })).status).toBe(200);
    expect(titles).toEqual(["t"]);
  });

  it.each([true, false])("one byte more does not (chunked: %s)", async (chunked) => {
    const { rest, titles } = await start(limits);
    const answer = await rest.send({ method: "POST", path: publish, body: `${exactly} `, chunked });
    expect([answer.status, answer.json["error"]]).toEqual([413, "Content Too Large"]);
    expect(titles).toEqual([]);
  });

  it("is known from Content-Length, before a byte of the body", async () => {
    const { rest, titles } = await start(limits);
    const head = "Host: x\r\nContent-Length: 1001\r\n\r\n";
    expect(await firstLine(rest.port, `POST ${publish} HTTP/1.1\r\n${head}`)).toBe("HTTP/1.1 413 Payload Too Large");
    expect(await firstLine(rest.port, `DELETE ${publish.replace("publish", "1")} HTTP/1.1\r\n${head}`)).toMatch(
      / 413 /,
    );
    expect(titles).toEqual([]);
  });

  it.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("a bomb of %s is not inflated", async (encoding, compress) => {
    const { rest, titles } = await start({ maxBodyBytes: 100_000 });
    const bomb = compress(Buffer.alloc(50_000_000, " "));
    expect(bomb.byteLength).toBeLessThan(100_000);
    const answer = await rest.send({
      method: "POST",
      path: publish,
      body: bomb,
      headers: { "content-encoding": encoding },
    });
    expect(answer.status).toBe(413);
    expect(titles).toEqual([]);
  });

  it("holds for a body that is not wanted, which is otherwise ignored", async () => {
    const { rest, titles } = await start(limits);
    const path = publish.replace("publish", "1");
    const ignored = { method: "DELETE", path, body: "not json", headers: { "content-type": "text/plain" } };
    expect((await rest.send(ignored)).status).toBe(204);
    expect((await rest.send({ ...ignored, body: " ".repeat(1_001), chunked: true })).status).toBe(413);
    expect(titles).toEqual(["deleted"]);
  });

  it("who is refused at the door is answered before the body", async () => {
    const { rest, titles } = await start({ refuse: () => new AppError("unauthenticated", "no token") });
    const head = `POST ${publish} HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n`;
    expect(await firstLine(rest.port, head)).toBe("HTTP/1.1 401 Unauthorized");
    expect(titles).toEqual([]);
  });

  it.each(["Content-Type: text/plain", "Content-Encoding: zstd"])("%s is refused before the body", async (header) => {
    const { rest, titles } = await start();
    const head = `POST ${publish} HTTP/1.1\r\nHost: x\r\n${header}\r\nContent-Length: 500000\r\n\r\n`;
    expect(await firstLine(rest.port, head)).toBe("HTTP/1.1 415 Unsupported Media Type");
    expect(titles).toEqual([]);
  });

  it("a client that leaves inside of its body calls nobody", async () => {
    const { rest, titles } = await start();
    const socket = connectTcp(rest.port, "127.0.0.1");
    socket.write(`POST ${publish} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"ti`, () => socket.destroy());
    expect((await rest.outcomes(1))[0]).toMatchObject({ status: 499, error: { code: "cancelled" } });
    expect(titles).toEqual([]);
  });
});

describe("HTTP/2", () => {
  it("answers bodies, their absence, and refusals", async () => {
    const { rest, titles } = await start({ maxBodyBytes: 1_000, http2: true });
    const session = connect(`http://127.0.0.1:${rest.port}`);
    const send = async (headers: Record<string, string>, sent?: string) => {
      const stream = session.request(
        { ":method": "POST", ":path": publish, ...headers },
        { endStream: sent === undefined },
      );
      stream.end(sent);
      const [response] = (await once(stream, "response")) as [Record<string, unknown>];
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      return [response[":status"], Buffer.concat(chunks).toString()] as const;
    };
    expect((await send({}, body))[0]).toBe(200);
    expect((await send({}))[0]).toBe(200);
    expect((await send({ "content-type": "text/plain" }, ""))[0]).toBe(200);
    expect((await send({ "content-type": "text/plain" }, body))[0]).toBe(415);
    expect((await send({}, " ".repeat(1_001)))[0]).toBe(413);
    expect((await send({ ":path": "/v1/%zz" }))[0]).toBe(400);
    const [status, text] = await send({ ":method": "PUT" }, body);
    expect([status, JSON.parse(text)]).toEqual([405, expect.objectContaining({ code: 405 })]);
    expect(titles).toEqual(["t", undefined, undefined]);
    session.close();
    await once(session, "close");
  });
});

/** The first line that a server answers to a request whose body never comes. */
async function firstLine(port: number, head: string): Promise<string> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.write(head);
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes("\r\n")) break;
  }
  socket.destroy();
  return text.split("\r\n")[0] ?? "";
}
