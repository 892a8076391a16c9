/**
 * Measures several nodes on one PostgreSQL database: `npm run bench -- cluster`. Publishing on one and three nodes beside SQLite and etcd;
 * the time from a commit on one node to the last of many streams on another, with NOTIFY and without; polls on one and two nodes; and the
 * CPU of a push beside SQLite. All servers and their load share this machine. Rounds in turn, medians.
 *
 * PUBLISHES, ROUNDS, STREAMS, CHANGES and SHARE_PERCENT in the environment change a run; PARTS=publish,push,poll chooses.
 */
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { holdToShare } from "./cpu-share.js";
import { EtcdProcess } from "./etcd-process.js";
import { median, now, numberFrom, quantile, rounded } from "./figures.js";
import { Pollers } from "./load/pollers.js";
import { documentOf, post, rateOf } from "./load/publishes.js";
import { Watchers } from "./load/watchers.js";
import { Nodes, SharedDatabase } from "./nodes.js";
import { cpuMsOf, machineLine, needOpenFiles } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";
import { BENCH_TOKEN } from "./signet-process.js";

const DOCUMENT_BYTES = 10 * 1024;
const OPENING_AT_ONCE = 100;
/** As many pipelines of as many projects. */
const CLIENTS = 8;

/** Sends one document; returns when it is acknowledged. */
type Publish = () => Promise<void>;

/** Runs the chosen parts and prints their tables. */
export async function benchCluster(): Promise<void> {
  console.log(machineLine());
  const parts = (process.env["PARTS"] ?? "publish,push,poll").split(",");
  if (parts.includes("publish")) await benchPublishing();
  if (parts.includes("push")) await benchPushing();
  if (parts.includes("poll")) await benchPolling();
}

async function benchPublishing(): Promise<void> {
  const publishes = numberFrom("PUBLISHES", 600);
  const rounds = numberFrom("ROUNDS", 3);
  await using shared = await SharedDatabase.open();
  await using one = await Nodes.open(shared, 1);
  await using other = await SharedDatabase.open();
  await using three = await Nodes.open(other, 3);
  await using sqlite = await SignetBench.open("silent");
  await using etcd = await EtcdProcess.start();
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const subjects: Record<string, Publish> = {
    "SQLite, one process": publishTo(agent, [sqlite.url], await sqlite.newEnvironments(CLIENTS)),
    "PostgreSQL, one node": publishTo(agent, one.urls, await one.first.newEnvironments(CLIENTS)),
    "PostgreSQL, three nodes": publishTo(agent, three.urls, await three.first.newEnvironments(CLIENTS)),
    ...(etcd === null ? {} : { "etcd put": putTo(agent, etcd.port) }),
  };
  const rates = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, publish] of Object.entries(subjects)) {
      for (const clients of [1, CLIENTS]) {
        const rate = await rateOf(clients === 1 ? publishes / 4 : publishes, clients, publish);
        const key = `${name}, ${clients} client${clients === 1 ? "" : "s"}`;
        if (round > 0) rates.set(key, [...(rates.get(key) ?? []), rate]);
      }
    }
  }
  agent.destroy();
  const base = median(rates.get("SQLite, one process, 8 clients") ?? []);
  console.log(
    `\nPublishes of ${DOCUMENT_BYTES / 1024} KiB a second, medians of ${rounds} rounds; the goal is 300 on three nodes\n`,
  );
  console.table(
    Object.fromEntries(
      [...rates].map(([name, all]) => [
        name,
        { "a second": rounded(median(all), 0), "of SQLite, 8 clients": rounded(median(all) / base, 2) },
      ]),
    ),
  );
}

async function benchPushing(): Promise<void> {
  const streams = numberFrom("STREAMS", 1_000);
  const changes = numberFrom("CHANGES", 50);
  needOpenFiles(streams * 2);
  await using shared = await SharedDatabase.open();
  await using nodes = await Nodes.open(shared, 2);
  await using sqlite = await SignetBench.open("silent");
  const rows: Record<string, object> = {};
  {
    await using watchers = await Watchers.start();
    const [, port = 0] = nodes.ports;
    await watchers.open(nodes.first.watchCall(0, port), streams, OPENING_AT_ONCE);
    const pid = nodes.pids[1] ?? 0;
    rows["published on another node, with NOTIFY"] = await push(watchers, nodes.first, pid, { streams, changes });
    shared.stopNotifications();
    // What was under way when it was cut.
    await sleep(2_000);
    rows["published on another node, without"] = await push(watchers, nodes.first, pid, { streams, changes });
  }
  {
    await using watchers = await Watchers.start();
    await watchers.open(nodes.first.watchCall(0), streams, OPENING_AT_ONCE);
    rows["published on the same node"] = await push(watchers, nodes.first, nodes.first.pid, { streams, changes });
  }
  {
    await using watchers = await Watchers.start();
    await watchers.open(sqlite.watchCall(0), streams, OPENING_AT_ONCE);
    rows["SQLite, one process"] = await push(watchers, sqlite, sqlite.pid, { streams, changes });
  }
  console.log(
    `\nFrom the answer to a publish to the last of ${streams} streams, ${changes} changes; the goals are a p99 of 100 ms with NOTIFY and 1,200 ms without\n`,
  );
  console.table(rows);
}

/** CPU is that of the process with the streams; where it also publishes, the publishes are in it. */
async function push(
  watchers: Watchers,
  publisher: SignetBench,
  pid: number,
  { streams, changes }: { readonly streams: number; readonly changes: number },
) {
  const last: number[] = [];
  const cpu: number[] = [];
  const change = async () => {
    await publisher.publish(DOCUMENT_BYTES);
    return now();
  };
  for (let count = 0; count < 5; count += 1) await watchers.feed(DOCUMENT_BYTES, async () => void (await change()));
  for (let count = 0; count < changes; count += 1) {
    let committedAt = 0;
    const before = cpuMsOf(pid);
    const { at } = await watchers.feed(DOCUMENT_BYTES, async () => {
      committedAt = await change();
    });
    last.push(Math.max(0, Math.max(...at) - committedAt));
    cpu.push(((cpuMsOf(pid) - before) * 1000) / streams);
  }
  return {
    "p50, ms": rounded(quantile(last, 0.5)),
    "p99, ms": rounded(quantile(last, 0.99)),
    "CPU a stream and change, µs": rounded(cpu.reduce((sum, it) => sum + it, 0) / cpu.length),
  };
}

async function benchPolling(): Promise<void> {
  const rounds = numberFrom("ROUNDS", 3);
  const durationMs = numberFrom("DURATION_MS", 2_000);
  // The load has to fit beside the nodes.
  const share = numberFrom("SHARE_PERCENT", 10) / 100;
  await using shared = await SharedDatabase.open();
  await using nodes = await Nodes.open(shared, 2);
  await nodes.first.publish(DOCUMENT_BYTES);
  const pollers = [await Pollers.start(), await Pollers.start()];
  const authorization = `Bearer ${nodes.first.runtimeToken}`;
  const etags: string[] = [];
  for (const url of nodes.urls) {
    const answer = await fetch(`${url}/v1/bundles/latest`, { headers: { authorization } });
    await answer.arrayBuffer();
    etags.push(answer.headers.get("etag") ?? "");
  }
  using held = holdToShare(nodes.pids, share);
  const busy: number[] = [];
  const poll = async (node: number) => {
    const port = nodes.ports[node] ?? 0;
    const lines = ["GET /v1/bundles/latest HTTP/1.1", `Host: 127.0.0.1:${port}`, `Authorization: ${authorization}`];
    const text = [...lines, `If-None-Match: ${etags[node]}`].join("\r\n");
    const load = { port, request: `${text}\r\n\r\n`, connections: 16, durationMs, status: 304 };
    const { answers, tookMs, busyShare } = (await pollers[node]?.run(load)) ?? { answers: 0, tookMs: 1, busyShare: 0 };
    busy.push(busyShare);
    return (answers * 1000) / tookMs;
  };
  const [alone, both]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    const one = await poll(0);
    const two = await Promise.all([poll(0), poll(1)]);
    if (round === 0) continue;
    alone.push(one);
    both.push(two[0] + two[1]);
  }
  for (const it of pollers) await it[Symbol.asyncDispose]();
  const how = held === undefined ? "not held to a share (control groups need root)" : `each held to ${share} of a core`;
  console.log(`\nPolls answered with 304 a second, nodes ${how}; the goal is 1.8 for two\n`);
  console.table({
    "one node": { "a second": rounded(median(alone), 0), "of one": 1 },
    "two nodes": { "a second": rounded(median(both), 0), "of one": rounded(median(both) / median(alone), 2) },
  });
  console.log(`Share of the time that a load was busy: ${rounded(median(busy), 2)}`);
}

function publishTo(agent: Agent, urls: readonly string[], environments: readonly string[]): Publish {
  let next = 0;
  return async () => {
    next += 1;
    const [url, environment] = [urls[next % urls.length] ?? "", environments[next % environments.length] ?? ""];
    const headers = { authorization: `Bearer ${BENCH_TOKEN}`, "content-type": "application/json" };
    await post(agent, `${url}${environment}/bundles/publish`, headers, documentOf(DOCUMENT_BYTES));
  };
}

function putTo(agent: Agent, port: number): Publish {
  let next = 0;
  return async () => {
    const key = Buffer.from(`bundle/${(next += 1)}`).toString("base64");
    const body = JSON.stringify({ key, value: documentOf(DOCUMENT_BYTES).toString("base64") });
    const headers = { "content-type": "application/json" };
    await post(agent, `http://127.0.0.1:${port}/v3/kv/put`, headers, Buffer.from(body));
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchCluster();
