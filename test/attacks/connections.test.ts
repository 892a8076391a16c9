import { once } from "node:events";
import { connect, Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { Connections } from "../../src/api/http/connections.js";
import { KEYS, openRig } from "../api/http/rig.js";
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
    expect(attackers.map(({ isGone }) => isGone)).toEqual([true, true, true]);
    expect(runtimes.map(({ isGone }) => isGone)).toEqual([false, false, false]);
    // Nobody is older: then those with a request are the last to go.
    runtimes[0]?.began();
    open();
    expect(runtimes.map(({ isGone }) => isGone)).toEqual([false, true, false]);
  } finally {
    vi.useRealTimers();
  }
});

describe("all connections", () => {
  test("that are there leave no place for a new one when they have shown a token", async () => {
    await using rig = await openRig({ limits: limits({ maxConnections: 2 }) });
    using first = await say(rig.port, GET_KEYS);
    using _second = await say(rig.port, GET_KEYS);
    using late = new RawConnection(rig.port);
    expect(await late.closed()).toBe("");
    expect(rig.limited.names).toEqual(["max_connections"]);
    first[Symbol.dispose]();
    await expect.poll(() => rig.server.connections.authenticated, { timeout: 20_000 }).toBe(1);
    await expectServed(rig);
  });

  test("give a new one the place of one without a token", async () => {
    await using rig = await openRig({ limits: limits({ maxConnections: 2 }) });
    using runtime = await say(rig.port, GET_KEYS);
    const [attacker] = await silent(rig.port, 1);
    await expectServed(rig);
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
