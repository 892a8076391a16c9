import { Http2SessionManager } from "@connectrpc/connect-node";
import { once } from "node:events";
import http2, { type ClientHttp2Stream, type Http2Session } from "node:http2";
import net, { type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { Http2Pool } from "../../src/sdk/node-http2-pool.js";

const open: { close(): void }[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const one of open.splice(0).toReversed()) one.close();
});

async function portOf(server: net.Server | http2.Http2Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

/** Answers each stream with its headers, and ends none. */
async function startServer(maxConcurrentStreams: number) {
  const sessions = new Set<Http2Session>();
  const server = http2.createServer({ settings: { maxConcurrentStreams } });
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
  });
  const port = await portOf(server);
  open.push({
    close() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  });
  return { port, sessions };
}

function poolOf(port: number): Http2Pool {
  const url = `http://127.0.0.1:${port}`;
  const pool = new Http2Pool(url, () => new Http2SessionManager(url, { pingIntervalMs: 30_000 }));
  open.push({ close: () => pool.abort() });
  return pool;
}

async function answered(pool: Http2Pool): Promise<ClientHttp2Stream> {
  const stream = await pool.request("GET", "/", {}, {});
  stream.on("error", () => undefined);
  await once(stream, "response");
  return stream;
}

it("opens another connection where the server takes no more streams on one, and uses room that is free again", async () => {
  const { port, sessions } = await startServer(3);
  const pool = poolOf(port);
  const first = await answered(pool);
  const others = await Promise.all([1, 2, 3, 4, 5, 6].map(async () => await answered(pool)));
  expect(sessions.size).toBe(3);
  for (const stream of [first, ...others.slice(0, 4)]) {
    stream.close();
    await once(stream, "close");
  }
  await Promise.all([1, 2, 3, 4, 5].map(async () => await answered(pool)));
  expect(sessions.size).toBe(3);
});

it("goes on after an idle connection was closed while it was verified", async () => {
  const { port } = await startServer(100);
  let isSilent = false;
  let heard: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (heard = resolve));
  const ends: Socket[] = [];
  const proxy = net.createServer((socket) => {
    const onward = net.connect(port, "127.0.0.1");
    ends.push(socket, onward);
    for (const end of [socket, onward]) end.on("error", () => undefined);
    onward.pipe(socket);
    socket.on("data", (chunk) => {
      if (isSilent) heard();
      else onward.write(chunk);
    });
  });
  open.push({
    close() {
      for (const end of ends) end.destroy();
      proxy.close();
    },
  });
  const pool = poolOf(await portOf(proxy));
  await answered(pool);
  isSilent = true;
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31_000 });
  const verified = answered(pool);
  await asked;
  isSilent = false;
  for (const end of ends.splice(0)) end.destroy();
  await verified;
  await answered(pool);
});
