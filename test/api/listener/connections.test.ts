import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, type Http2Limits, type ListenerLimits } from "../../../src/api/listener/limits.js";
import { KEYS, openRig } from "../http/rig.js";
import { closed, http2Call, openHttp2, RawConnection } from "../http/wire.js";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS = Buffer.from("000000040000000000", "hex");
const GET_HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

function limits(some: Partial<ListenerLimits>, http2: Partial<Http2Limits> = {}): ListenerLimits {
  return { ...DEFAULT_LIMITS, ...some, http2: { ...DEFAULT_LIMITS.http2, ...http2 } };
}

describe("the first bytes", () => {
  test("an HTTP/2 preface that arrives byte by byte is HTTP/2", async () => {
    await using rig = await openRig();
    using raw = new RawConnection(rig.port);
    for (const byte of PREFACE) await raw.send(byte);
    await raw.send(EMPTY_SETTINGS);
    await raw.until("\x04\x00\x00\x00\x00\x00");
    expect(raw.text).not.toContain("HTTP/1.1");
  });

  test.each([1, 3, 30])("an HTTP/1.1 request in pieces of %i bytes is HTTP/1.1", async (size) => {
    await using rig = await openRig();
    using raw = new RawConnection(rig.port);
    for (let at = 0; at < GET_HEALTH.length; at += size) await raw.send(GET_HEALTH.slice(at, at + size));
    await raw.until("1.2.3");
    expect(raw.text).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  test("pipelined requests in one piece are all answered, in order", async () => {
    await using rig = await openRig();
    using raw = new RawConnection(rig.port);
    await raw.send(GET_HEALTH + GET_HEALTH.replace("healthz", "readyz"));
    await raw.until('{"status":"ok"}');
    expect(raw.text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
  });

  test("a client that closes its half after the request still gets the answer", async () => {
    await using rig = await openRig();
    using raw = new RawConnection(rig.port);
    raw.socket.end(GET_HEALTH);
    expect(await raw.closed()).toContain("1.2.3");
  });

  test.each([
    ["garbage", "\x16\x03\x01\x02\x00\x01\x00\x01"],
    ["a preface that goes wrong", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"],
    ["no HTTP at all", "EHLO there\r\n\r\n"],
  ])("%s is refused with 400, and others are served", async (_name, bytes) => {
    await using rig = await openRig();
    using raw = new RawConnection(rig.port);
    await raw.send(bytes);
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(`${rig.url}/healthz`)).status).toBe(200);
  });

  test.each(["", "PRI * HT"])("a socket that says %j and nothing more is closed", async (bytes) => {
    await using rig = await openRig({ limits: limits({ firstBytesTimeoutMs: 50 }) });
    using raw = new RawConnection(rig.port);
    if (bytes !== "") await raw.send(bytes);
    expect(await raw.closed()).toBe("");
  });
});

describe("slow clients", () => {
  test("a head that does not end is closed with 408", async () => {
    await using rig = await openRig({ limits: limits({ headersTimeoutMs: 50, checkIntervalMs: 20 }) });
    using raw = new RawConnection(rig.port);
    await raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n");
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("a body that does not end is closed, in HTTP/1.1", async () => {
    const times = { headersTimeoutMs: 50, requestTimeoutMs: 60, checkIntervalMs: 20 };
    await using rig = await openRig({ limits: limits(times) });
    using raw = new RawConnection(rig.port);
    const path = "/signet.v1.BundleService/PublishBundle";
    const head = [`POST ${path} HTTP/1.1`, "Host: x", `X-API-Key: ${KEYS.ci}`, "Content-Type: application/json"];
    await raw.send([...head, "Content-Length: 9", "", "{"].join("\r\n"));
    await raw.closed();
    expect(rig.published).toEqual([]);
  });

  test("a body that does not end is cancelled, in HTTP/2, and the connection lives on", async () => {
    await using rig = await openRig({ limits: limits({ headersTimeoutMs: 50, requestTimeoutMs: 60 }) });
    using session = openHttp2(rig.url);
    const path = "/signet.v1.BundleService/PublishBundle";
    const answer = await http2Call(session, path, { "x-api-key": KEYS.ci, "content-type": "application/grpc" });
    expect(answer.rstCode).toBe(8);
    expect(rig.published).toEqual([]);
    expect((await http2Call(session, "/healthz", { ":method": "GET" }, "")).headers[":status"]).toBe(200);
  });

  test("headers that are too large are refused, in both HTTP versions", async () => {
    await using rig = await openRig({ limits: limits({ maxHeaderBytes: 4096 }) });
    using raw = new RawConnection(rig.port);
    await raw.send(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(5000)}\r\n\r\n`);
    expect(await raw.closed()).toMatch(/^HTTP\/1\.1 431 /);
    using session = openHttp2(rig.url);
    // The limit holds from when the client has agreed to it; before that it is Node's own of 64 KiB.
    await http2Call(session, "/healthz", { ":method": "GET" }, "");
    const answer = await http2Call(session, "/healthz", { ":method": "GET", "x-long": "x".repeat(5000) }, "");
    expect(answer.rstCode).not.toBe(0);
  });

  test("Expect: 100-continue is answered when the body is read, and not when the request is refused", async () => {
    await using rig = await openRig();
    const head = (key: string) =>
      [
        "POST /signet.v1.BundleService/PublishBundle HTTP/1.1",
        "Host: x",
        `X-API-Key: ${key}`,
        "Content-Type: application/json",
        "Expect: 100-continue",
        "Content-Length: 2",
        "",
        "",
      ].join("\r\n");
    using refused = new RawConnection(rig.port);
    await refused.send(head("bad"));
    await refused.until("invalid or expired token");
    expect(refused.text).not.toContain("100 Continue");
    using admitted = new RawConnection(rig.port);
    await admitted.send(head(KEYS.ci));
    await admitted.until("100 Continue");
    await admitted.send("{}");
    await admitted.until("org_id");
  });
});

describe("HTTP/2 connections", () => {
  test("rapid reset ends the connection, and others are served", async () => {
    await using rig = await openRig({ limits: limits({}, { maxResets: 50 }) });
    using attacker = openHttp2(rig.url);
    using other = openHttp2(rig.url);
    const ended = closed(attacker);
    for (let i = 0; i < 200; i++) {
      const stream = attacker.request({ ":method": "POST", ":path": "/v1/x" }, { endStream: false });
      stream.on("error", () => undefined);
      setImmediate(() => stream.close(8));
    }
    await ended;
    expect((await http2Call(other, "/healthz", { ":method": "GET" }, "")).headers[":status"]).toBe(200);
  });

  test("a client that cancels a few streams is left alone", async () => {
    await using rig = await openRig({ limits: limits({}, { maxResets: 50 }) });
    using session = openHttp2(rig.url);
    const cancelled = Array.from({ length: 40 }, async () => {
      const stream = session.request({ ":method": "POST", ":path": "/v1/x" }, { endStream: false });
      stream.on("error", () => undefined);
      setImmediate(() => stream.close(8));
      await closed(stream);
    });
    await Promise.all(cancelled);
    expect((await http2Call(session, "/healthz", { ":method": "GET" }, "")).headers[":status"]).toBe(200);
  });

  test("a peer that does not answer pings is gone", async () => {
    await using rig = await openRig({ limits: limits({}, { pingIntervalMs: 20, pingTimeoutMs: 50 }) });
    using raw = new RawConnection(rig.port);
    await raw.send(PREFACE);
    await raw.send(EMPTY_SETTINGS);
    await raw.closed();
  });

  test("a connection without streams is closed with GOAWAY, one with a stream is kept", async () => {
    await using rig = await openRig({ limits: limits({}, { pingIntervalMs: 20, idleTimeoutMs: 40 }) });
    using watching = openHttp2(rig.url);
    const headers = { "x-api-key": KEYS.runtime, "content-type": "application/grpc", te: "trailers" };
    const watch = watching.request({ ":method": "POST", ":path": "/signet.v1.RuntimeService/WatchBundle", ...headers });
    watch.end(Buffer.alloc(5));
    await once(watch, "data");
    using idle = openHttp2(rig.url);
    await closed(idle);
    expect(watching.closed).toBe(false);
    watch.close();
  });
});
