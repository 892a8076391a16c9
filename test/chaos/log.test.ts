import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseScrape } from "../observability/scrape.js";
import { startServerProcess, type ServerProcess } from "./server-process.js";

const SETTINGS = { SIGNET_LOG_LEVEL: "debug", SIGNET_METRICS_ADDRESS: "127.0.0.1:0" };
/** Some 4 KiB of log each: more than a pipe (64 KiB) and what is kept in memory (1 MiB) hold together. */
const REQUESTS = 600;
const PATH = `/${"p".repeat(4_000)}`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "signet-log-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function answeredBy(server: ServerProcess, requests: number): Promise<number> {
  let answered = 0;
  for (let n = 0; n < requests; n += 50) {
    const asked = Array.from({ length: 50 }, () => fetch(`${server.url}${PATH}`));
    for (const answer of await Promise.all(asked)) {
      await answer.arrayBuffer();
      if (answer.status === 404) answered += 1;
    }
  }
  return answered;
}

async function droppedLines(server: ServerProcess): Promise<number | undefined> {
  const answer = await fetch(`${server.url}/metrics`, { headers: { "x-api-key": "test-admin-token-0123456789" } });
  return parseScrape(await answer.text()).value("signet_log_lines_dropped_total");
}

describe("the server", () => {
  it("answers and stops when nobody reads its log", async () => {
    const server = await startServerProcess(directory, SETTINGS, "unread");
    expect(await answeredBy(server, REQUESTS)).toBe(REQUESTS);
    expect(await droppedLines(server)).toBeGreaterThan(0);
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  });

  it("answers and stops when the disk under its log is full", async () => {
    const full = openSync("/dev/full", "w");
    const server = await startServerProcess(directory, SETTINGS, full);
    closeSync(full);
    expect(await answeredBy(server, 100)).toBe(100);
    expect(await droppedLines(server)).toBeGreaterThan(100);
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  });
});
