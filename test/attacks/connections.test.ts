import { once } from "node:events";
import { connect, Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { Connections } from "../../src/api/listener/connections.js";
import type { Principal } from "../../src/core/token.js";
import { KEYS, openRig, principalOf } from "../api/http/rig.js";
import { http2Call, openHttp2, RawConnection } from "../api/http/wire.js";
import { SETTING } from "../../bench/load/http2-frames.js";
import { RawHttp2, requestFrame } from "./raw-http2.js";
import { expectServed, limits } from "./served.js";

const GET_HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const GET_KEYS = `GET /v1/keys HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEYS.ci}\r\n\r\n`;

async function say(port: number, request: string): Promise<RawConnection> {
  const raw = new RawConnection(port);
  await raw.send(request);
  await raw.until("\r\n\r\n");
  return raw;
}

/** Connections that say nothing, in the order in which the server took them. */
async function silent(port: number, count: number): Promise<RawConnection[]> {
  const opened: RawConnection[] = [];
  for (let each = 0; each < count; each += 1) {
    const raw = new RawConnection(port);
    await once(raw.socket, "connect");
    opened.push(raw);
  }
  return opened;
}

describe("connections without a token", () => {
  test("make room for each other, the oldest first; who has shown a token stays", async () => {
    await using rig = await openRig({ limits: limits({ maxUnauthenticatedConnections: 10 }) });
    using runtime = await say(rig.port, GET_KEYS);
    const attackers = await silent(rig.port, 100);
    await Promise.all(attackers.slice(0, 90).map((attacker) => attacker.closed()));
    expect(attackers.slice(90).filter(({ socket }) => socket.destroyed)).toEqual([]);
    expect(rig.limited.names).toEqual(Array(90).fill("max_unauthenticated_connections"));
    expect(rig.server.connections).toEqual({ authenticated: 1, unauthenticated: 10 });
    // Over the connection that it has, and over a new one.
    await runtime.send(GET_KEYS);
    await expectServed(rig);
    expect(runtime.socket.destroyed).toBe(false);
    for (const attacker of attackers) attacker[Symbol.dispose]();
  });

  test("that have a request under way go after those that have none", async () => {
    await using rig = await openRig({ limits: limits({ maxUnauthenticatedConnections: 3 }) });
    using busy = await RawHttp2.open(rig.port, SETTING.initialWindowSize, 0);
    await busy.send(requestFrame(1, "/healthz"));
    await busy.until(({ stream }) => stream === 1);
    using probe = await say(rig.port, GET_HEALTH);
    const attackers = await silent(rig.port, 3);
    await probe.closed();
    await attackers[0]?.closed();
    expect(busy.isClosed).toBe(false);
    expect(rig.limited.count("max_unauthenticated_connections")).toBe(2);
    for (const attacker of attackers) attacker[Symbol.dispose]();
  });

  test("of HTTP/2 become known by a token as well", async () => {
    await using rig = await openRig({ limits: limits({ maxUnauthenticatedConnections: 2 }) });
    using session = openHttp2(rig.url);
    const headers = { "x-api-key": KEYS.ci, "content-type": "application/json" };
    await http2Call(session, "/signet.v1.BundleService/ListKeys", headers, "{}");
    expect(rig.server.connections).toEqual({ authenticated: 1, unauthenticated: 0 });
    const attackers = await silent(rig.port, 5);
    await Promise.all(attackers.slice(0, 3).map((attacker) => attacker.closed()));
    expect((await http2Call(session, "/signet.v1.BundleService/ListKeys", headers, "{}")).rstCode).toBe(0);
    for (const attacker of attackers) attacker[Symbol.dispose]();
  });

  test("a wrong token makes nobody known", async () => {
    await using rig = await openRig();
    using _guessing = await say(rig.port, GET_KEYS.replace(KEYS.ci, "guess"));
    expect(rig.server.connections).toEqual({ authenticated: 0, unauthenticated: 1 });
  });

  test("that hold too many requests lose the connection that holds most of them", async () => {
    await using rig = await openRig({ limits: limits({ maxUnauthenticatedStreams: 20 }) });
    using probe = await RawHttp2.open(rig.port, SETTING.initialWindowSize, 0);
    await probe.send(requestFrame(1, "/healthz"));
    await probe.until(({ stream }) => stream === 1);
    using attacker = await RawHttp2.open(rig.port, SETTING.initialWindowSize, 0);
    // It grants no window: none of the answers ends.
    for (let id = 1; id < 60; id += 2) await attacker.send(requestFrame(id, "/healthz"));
    await attacker.closed();
    expect(rig.limited.names).toEqual(["max_unauthenticated_streams"]);
    expect(probe.isClosed).toBe(false);
    await expectServed(rig);
  });
});

test("a connection that has only just come keeps its place while there are older ones, though these have requests", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const room = new Connections(limits({ maxUnauthenticatedConnections: 3 }), { refused: () => undefined });
    const open = () => {
      const connection = room.accept(new Socket());
      if (connection === undefined) throw new Error("there was no place");
      return connection;
    };
    const attackers = [open(), open(), open()];
    for (const attacker of attackers) attacker.began();
    vi.advanceTimersByTime(10_000);
    const runtimes = [open(), open(), open()];
    expect(attackers.map(({ isClosed }) => isClosed)).toEqual([true, true, true]);
    expect(runtimes.map(({ isClosed }) => isClosed)).toEqual([false, false, false]);
    // Nobody is older: then those with a request are the last to go.
    runtimes[0]?.began();
    open();
    expect(runtimes.map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
  } finally {
    vi.useRealTimers();
  }
});

describe("all connections", () => {
  test("of one token have a share of the places: who comes next gets in, admins and probes too", async () => {
    await using rig = await openRig({ limits: limits({ maxConnections: 20 }) });
    const held: RawConnection[] = [];
    for (let each = 0; each < 20; each += 1) held.push(await say(rig.port, GET_KEYS));
    expect(rig.server.connections).toEqual({ authenticated: 16, unauthenticated: 4 });
    expect(rig.limited.names).toEqual(Array(4).fill("max_connections_per_token"));
    using admin = await say(rig.port, GET_KEYS.replace(KEYS.ci, KEYS.admin));
    expect(rig.server.connections).toEqual({ authenticated: 17, unauthenticated: 3 });
    for (let each = 0; each < 5; each += 1) {
      using probe = await say(rig.port, GET_HEALTH);
      expect(probe.text).toMatch(/^HTTP\/1\.1 200/);
    }
    expect(held.slice(0, 16).filter(({ socket }) => socket.destroyed)).toEqual([]);
    // A place that is given back is taken by one that has waited for it.
    held[0]?.[Symbol.dispose]();
    await expect.poll(() => rig.server.connections.authenticated, { timeout: 20_000 }).toBe(16);
    using _next = await say(rig.port, GET_KEYS);
    expect(rig.server.connections.authenticated).toBe(17);
    expect(admin.socket.destroyed).toBe(false);
    for (const raw of held) raw[Symbol.dispose]();
  });

  test("of runtimes and CI leave places for admins, whatever their tokens", async () => {
    await using rig = await openRig({ limits: limits({ maxConnections: 20 }) });
    const open = async (count: number, key: string) => {
      const raws: RawConnection[] = [];
      for (let each = 0; each < count; each += 1) raws.push(await say(rig.port, GET_KEYS.replace(KEYS.ci, key)));
      return raws;
    };
    const others = [...(await open(10, KEYS.ci)), ...(await open(10, KEYS.runtime))];
    expect(rig.server.connections).toEqual({ authenticated: 18, unauthenticated: 2 });
    const admins = await open(3, KEYS.admin);
    // One place is never a known one's: whoever comes next is unknown.
    expect(rig.server.connections).toEqual({ authenticated: 19, unauthenticated: 1 });
    for (const raw of [...others, ...admins]) raw[Symbol.dispose]();
  });

  test("give a new one the place of one without a token", async () => {
    await using rig = await openRig({ limits: limits({ maxConnections: 3 }) });
    using _admin = await say(rig.port, GET_KEYS.replace(KEYS.ci, KEYS.admin));
    using runtime = await say(rig.port, GET_KEYS);
    const [attacker] = await silent(rig.port, 1);
    using _probe = await say(rig.port, GET_HEALTH);
    await attacker?.closed();
    expect(rig.limited.names).toEqual(["max_connections"]);
    expect(runtime.socket.destroyed).toBe(false);
  });

  test("of one address have a limit of their own", async () => {
    await using rig = await openRig({ limits: limits({ maxConnectionsPerAddress: 2 }) });
    using _runtime = await say(rig.port, GET_KEYS);
    const [held] = await silent(rig.port, 1);
    using third = new RawConnection(rig.port);
    expect(await third.closed()).toBe("");
    expect(rig.limited.names).toEqual(["max_connections_per_address"]);
    // Every address of this network is the machine's own.
    const other = connect({ port: rig.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    other.write(GET_HEALTH);
    expect(String((await once(other, "data"))[0])).toMatch(/^HTTP\/1\.1 200/);
    other.destroy();
    held?.[Symbol.dispose]();
    await expect.poll(() => rig.server.connections.unauthenticated, { timeout: 20_000 }).toBe(0);
    await expectServed(rig);
  });
});

describe("the connections that a token opened", () => {
  const isCi = ({ keyType }: Principal) => keyType === "ci";

  test("end with it, and those of others stay", async () => {
    await using rig = await openRig();
    using idle = await say(rig.port, GET_KEYS);
    using session = openHttp2(rig.url);
    const headers = { "x-api-key": KEYS.ci, "content-type": "application/json" };
    await http2Call(session, "/signet.v1.BundleService/ListKeys", headers, "{}");
    using admin = await say(rig.port, GET_KEYS.replace(KEYS.ci, KEYS.admin));
    // A proxy's: others come over it too.
    using shared = await say(rig.port, GET_KEYS);
    await shared.send(GET_KEYS.replace(KEYS.ci, KEYS.admin));
    await expect.poll(() => shared.text.match(/HTTP\/1\.1 200/g)?.length).toBe(2);
    const closed = once(session, "close");
    rig.server.endTokens(isCi, null);
    await idle.closed();
    await closed;
    await expect.poll(() => rig.server.connections).toEqual({ authenticated: 1, unauthenticated: 1 });
    await admin.send(GET_KEYS.replace(KEYS.ci, KEYS.admin));
    await shared.send(GET_KEYS.replace(KEYS.ci, KEYS.admin));
    await expect.poll(() => rig.server.connections).toEqual({ authenticated: 2, unauthenticated: 0 });
  });

  test("still get the answer that is under way", async () => {
    await using rig = await openRig();
    using raw = new RawConnection(rig.port);
    await raw.send(`GET /v1/wait HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEYS.ci}\r\n\r\n`);
    await rig.gate.entered();
    rig.server.endTokens(isCi, null);
    expect(rig.server.connections).toEqual({ authenticated: 0, unauthenticated: 1 });
    rig.gate.release();
    await raw.until("rest");
    expect(raw.text).toMatch(/^HTTP\/1\.1 200/);
  });

  test("are known no longer when it expires", () => {
    const room = new Connections(limits({}), { refused: () => undefined });
    const connection = room.accept(new Socket());
    connection?.authenticated({ ...principalOf(KEYS.ci), expiresAt: "2026-01-01T00:00:00.000Z" });
    const end = Date.parse("2026-01-01T00:00:00.000Z");
    room.endExpired(end - 1);
    expect(room.counts.authenticated).toBe(1);
    room.endExpired(end);
    expect(room.counts).toEqual({ authenticated: 0, unauthenticated: 1 });
  });
});
