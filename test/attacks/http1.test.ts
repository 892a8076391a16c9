import { describe, expect, test } from "vitest";
import { KEYS, openRig, ORG } from "../api/http/rig.js";
import { RawConnection } from "../api/http/wire.js";
import { expectServed, limits } from "./served.js";

const PUBLISH = "POST /signet.v1.BundleService/PublishBundle HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
const GET_HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

test.each(["", "PRI * HT"])("a socket that says %j and nothing more is closed", async (bytes) => {
  // Long enough for whoever is served below on a busy machine.
  await using rig = await openRig({ limits: limits({ firstBytesTimeoutMs: 500 }) });
  using attacker = new RawConnection(rig.port);
  if (bytes !== "") await attacker.send(bytes);
  expect(await attacker.closed()).toBe("");
  expect(rig.limited.names).toEqual(["first_bytes_timeout_ms"]);
  await expectServed(rig);
});

test("headers that come a byte at a time end with 408", async () => {
  await using rig = await openRig({ limits: limits({ headersTimeoutMs: 60, checkIntervalMs: 20 }) });
  using attacker = new RawConnection(rig.port);
  await attacker.send("GET /healthz HTTP/1.1\r\n");
  const drip = setInterval(() => void attacker.send("X").catch(() => undefined), 10);
  expect(await attacker.closed()).toMatch(/^HTTP\/1\.1 408 /);
  clearInterval(drip);
  expect(rig.limited.names).toEqual(["headers_timeout_ms"]);
  await expectServed(rig);
});

test("a body that comes a byte at a time ends, with a token and without", async () => {
  const times = { headersTimeoutMs: 40, requestTimeoutMs: 80, checkIntervalMs: 20 };
  await using rig = await openRig({ limits: limits(times) });
  for (const key of [KEYS.ci, "guess"]) {
    using attacker = new RawConnection(rig.port);
    await attacker.send(`${PUBLISH}X-API-Key: ${key}\r\nContent-Length: 100000\r\n\r\n{`);
    const drip = setInterval(() => void attacker.send(" ").catch(() => undefined), 10);
    await attacker.closed();
    clearInterval(drip);
  }
  expect(rig.published).toEqual([]);
  expect(rig.limited.names).toEqual(["request_timeout_ms", "request_timeout_ms"]);
  expect(rig.bodyMemory.heldBytes).toBe(0);
  await expectServed(rig);
});

test("headers that are too large end with 431", async () => {
  await using rig = await openRig({ limits: limits({ maxHeaderBytes: 4096 }) });
  using attacker = new RawConnection(rig.port);
  await attacker.send(`GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(5_000)}\r\n\r\n`);
  expect(await attacker.closed()).toMatch(/^HTTP\/1\.1 431 /);
  expect(rig.limited.names).toEqual(["max_header_bytes"]);
  await expectServed(rig);
});

test("a client that takes nothing of its answer is cut off", async () => {
  const content = Buffer.alloc(32 * 1024 * 1024, "x");
  const page = { path: "/large", contentType: "text/plain", read: () => content };
  await using rig = await openRig({ limits: limits({ stallTimeoutMs: 60 }), pages: [page] });
  using attacker = new RawConnection(rig.port);
  attacker.socket.pause();
  await attacker.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  await rig.limited.until("stall_timeout_ms");
  await expectServed(rig);
});

test("a connection that is kept and not used ends without being counted", async () => {
  await using rig = await openRig({ limits: limits({ keepAliveTimeoutMs: 20 }) });
  using client = new RawConnection(rig.port);
  await client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 /);
  expect(rig.limited.names).toEqual([]);
});

describe("requests that were sent ahead", () => {
  const held = `GET /v1/wait HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEYS.ci}\r\n\r\n`;

  test("are not begun before their turn, nor when their connection is gone by then", async () => {
    await using rig = await openRig();
    using attacker = new RawConnection(rig.port);
    const body = JSON.stringify({ orgId: ORG });
    const ahead = `${PUBLISH}X-API-Key: ${KEYS.ci}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await attacker.send(held + ahead + ahead);
    await rig.gate.entered();
    expect(rig.authenticated).toHaveLength(1);
    expect(rig.bodyMemory.heldBytes).toBe(0);
    attacker.socket.resetAndDestroy();
    await expect.poll(() => rig.server.connections.authenticated, { timeout: 20_000 }).toBe(0);
    rig.gate.release();
    await expect.poll(() => rig.finished.length).toBe(1);
    await expectServed(rig);
    expect(rig.published).toEqual([]);
  });

  test("are answered in their order when their client reads, one at a time", async () => {
    const content = Buffer.alloc(24 * 1024 * 1024, "x");
    const page = { path: "/large", contentType: "text/plain", read: () => content };
    await using rig = await openRig({ pages: [page] });
    using client = new RawConnection(rig.port);
    let bytes = 0;
    client.socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
    client.socket.pause();
    await client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
    await expectServed(rig);
    client.socket.resume();
    await expect.poll(() => bytes, { timeout: 40_000 }).toBeGreaterThan(3 * content.length);
    await expect.poll(() => rig.finished.length, { timeout: 20_000 }).toBe(4);
  });

  test("end their connection when there is no end of them", async () => {
    await using rig = await openRig({ limits: limits({}, { maxConcurrentStreams: 20 }) });
    using attacker = new RawConnection(rig.port);
    await attacker.send(held + GET_HEALTH.repeat(100));
    await attacker.closed();
    expect(rig.limited.names).toEqual(["max_streams_per_connection"]);
    rig.gate.release();
    await expectServed(rig);
  });
});
