import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createSignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { parseScrape } from "../observability/scrape.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { startServerProcess, type ServerProcess } from "./server-process.js";

/** Half of them are for connections. */
const OPEN_FILES = 512;
const LONG = { timeout: 20_000 };

let directory: string;
let server: ServerProcess;
const sockets = new Set<Socket>();
const logFile = () => join(directory, "log");
const logged = (text: string) => readFileSync(logFile(), "utf8").split(text).length - 1;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "signet-files-"));
  const log = openSync(logFile(), "w");
  server = await startServerProcess(join(directory, "data"), { SIGNET_LOG_LEVEL: "info" }, log, [
    "prlimit",
    `--nofile=${OPEN_FILES}`,
  ]);
  closeSync(log);
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await server.end("SIGKILL");
  await rm(directory, { recursive: true, force: true });
});

async function openSockets(count: number): Promise<void> {
  const opened = Array.from({ length: count }, () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    sockets.add(socket);
    return new Promise<void>((resolve) => {
      socket.once("connect", resolve);
      socket.on("error", () => undefined);
      socket.once("close", () => (sockets.delete(socket), resolve()));
    });
  });
  await Promise.all(opened);
}

async function refusals(limit: string): Promise<number | undefined> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { "x-api-key": ADMIN_TOKEN, connection: "close" } });
  return parseScrape(await answer.text()).value("signet_limit_refused_total", { limit });
}

const health = async () => (await fetch(`${server.url}/healthz`, { headers: { connection: "close" } })).status;

/** With this as its limit a process can open nothing more. */
function lowestUnused(): number {
  const used = new Set(readdirSync(`/proc/${server.child.pid}/fd`));
  let descriptor = 0;
  while (used.has(String(descriptor))) descriptor += 1;
  return descriptor;
}

function allowFiles(count: number): void {
  execFileSync("prlimit", ["--pid", String(server.child.pid), `--nofile=${count}:${OPEN_FILES}`]);
}

describe("a server that may open few files", () => {
  it("says so at the start, and takes as many connections as fit", async () => {
    expect(logged("the process may open too few files")).toBe(1);
    await openSockets(3 * OPEN_FILES);
    await vi.waitFor(() => expect(sockets.size).toBeLessThanOrEqual(OPEN_FILES / 2), LONG);
    expect(await health()).toBe(200);
    expect(await refusals("max_unauthenticated_connections")).toBeGreaterThan(2 * OPEN_FILES);
    expect(await refusals("open_files")).toBe(0);
  });

  it("keeps what is open when none can be opened, says so once, and goes on afterwards", async () => {
    const connection = openNodeTransport({ url: server.url, timeoutMs: 30_000, tls: {} });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    const { orgId } = await client.tokens.whoAmI({});
    const create = (name: string) => client.organizations.createProject({ orgId, name });
    await create("Before");
    allowFiles(lowestUnused());
    await vi.waitFor(() => expect(logged("too many open files")).toBe(1), LONG);
    await openSockets(20);
    await expect(health()).rejects.toThrow();
    await create("Meanwhile");
    allowFiles(OPEN_FILES);
    await vi.waitFor(() => expect(logged("can be opened again")).toBe(1), LONG);
    expect(await health()).toBe(200);
    expect(await refusals("open_files")).toBeGreaterThan(0);
    expect(logged("too many open files")).toBe(1);
    await create("After");
    connection[Symbol.dispose]();
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  });
});
