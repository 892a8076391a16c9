/**
 * Measures webhooks: `node dist/bench/webhooks.js` after the build. The server runs in this process, receivers in processes of their
 * own, all on 127.0.0.1. Says what it measured and judges nothing.
 *
 * WARM_UP, EVENTS, PUBLISHES, DEAD and ROUNDS in the environment make a run smaller.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import { loadConfig } from "../src/config.js";
import { createSignetClient, type SignetClient } from "../src/sdk/index.js";
import { openNodeTransport } from "../src/sdk/node-transport.js";
import { startServer } from "../src/server.js";

const WARM_UP = numberFrom("WARM_UP", 500);
const EVENTS = numberFrom("EVENTS", 5_000);
const PUBLISHES = numberFrom("PUBLISHES", 200);
/** With the healthy one, as many as an organization may have. */
const DEAD = numberFrom("DEAD", 999);
const ROUNDS = numberFrom("ROUNDS", 3);
const LATENCY_WARM_UP = 20;
const STAGES = ["dev", "staging", "prod"] as const;
const CLIENTS = 4;
const TOKEN = "bench-admin-token-0123456789";

interface Bench extends AsyncDisposable {
  readonly client: SignetClient;
  readonly where: { readonly orgId: string; readonly projectId: string };
}

async function startBench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  const config = loadConfig({
    SIGNET_PORT: "0",
    SIGNET_DATA: directory,
    SIGNET_ADMIN_TOKEN: TOKEN,
    SIGNET_RATE_LIMIT: "0",
    SIGNET_SHUTDOWN_GRACE_MS: "1000",
    SIGNET_WEBHOOK_ALLOW: "127.0.0.0/8",
  });
  const server = await startServer(config, pino({ level: "silent" }));
  const connection = openNodeTransport({ url: server.url, timeoutMs: 60_000 });
  const client = createSignetClient({ transport: connection.transport, token: TOKEN });
  const { firstStart } = server;
  if (firstStart === null) throw new Error("a new directory that is not new");
  return {
    client,
    where: { orgId: firstStart.orgId, projectId: firstStart.projectId },
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a receiver tells: its port once, and from then on when it has got as many as it was asked for. */
type Told = { readonly port: number } | { readonly arrivedAt: number; readonly all: number };

/** What it is asked for. */
interface Asked {
  readonly events: number;
  readonly kind: "new" | "replayed";
}

class Helper implements Disposable {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(role: "receiver" | "silent"): Promise<Helper> {
    const child = fork(fileURLToPath(import.meta.url), [role]);
    const [told] = (await once(child, "message")) as [Told];
    if (!("port" in told)) throw new Error("a helper that did not listen");
    return new Helper(`http://127.0.0.1:${told.port}/hook`, child);
  }

  /**
   * Begins to count anew; resolves when so many different events have come: when the last did, and how many requests it took. What
   * came before and comes again is a request and no event, unless it is replayed.
   */
  async count(events: number, kind: "new" | "replayed" = "new"): Promise<{ arrivedAt: number; all: number }> {
    const told = once(this.child, "message") as Promise<[Told]>;
    this.child.send({ events, kind } satisfies Asked);
    const [answer] = await told;
    if ("port" in answer) throw new Error("a helper that listened twice");
    return answer;
  }

  [Symbol.dispose](): void {
    this.child.kill();
  }
}

/** Milliseconds of a clock that the processes of one machine share. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function runReceiver(): void {
  let wanted = Infinity;
  let got = 0;
  let all = 0;
  const known = new Set<string>();
  process.on("message", ({ events, kind }: Asked) => {
    wanted = events;
    got = 0;
    all = 0;
    if (kind === "replayed") known.clear();
  });
  const server = createHttpServer((request, response) => {
    request.resume().on("end", () => {
      const arrivedAt = now();
      response.end();
      all += 1;
      const id = String(request.headers["webhook-id"]);
      if (known.has(id)) return;
      known.add(id);
      got += 1;
      if (got < wanted) return;
      wanted = Infinity;
      process.send?.({ arrivedAt, all } satisfies Told);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port } satisfies Told));
}

/** Accepts and says nothing. */
function runSilent(): void {
  const server = createServer((socket) => socket.resume().on("error", () => undefined));
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
    process.send?.({ port: (server.address() as AddressInfo).port } satisfies Told);
  });
}

async function closedUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}/hook`;
}

let published = 0;

async function publish({ client, where }: Bench): Promise<void> {
  published += 1;
  const envName = STAGES[published % STAGES.length] ?? "dev";
  await client.bundles.publishBundle({ ...where, envName, policies: `{"number":${published}}` });
}

async function publishMany(bench: Bench, count: number): Promise<void> {
  let left = count;
  const work = Array.from({ length: CLIENTS }, async () => {
    for (; left > 0;) {
      left -= 1;
      await publish(bench);
    }
  });
  await Promise.all(work);
}

async function measureThroughput(): Promise<void> {
  using receiver = await Helper.start("receiver");
  await using bench = await startBench();
  const { orgId } = bench.where;
  const { id: webhookId } = await bench.client.webhooks.createWebhook({
    orgId,
    url: receiver.url,
    events: ["bundle.*"],
  });
  const warm = receiver.count(WARM_UP);
  await publishMany(bench, WARM_UP);
  await warm;
  await untilNonePending(bench, webhookId);

  const since = new Date();
  const whilePublishing = receiver.count(EVENTS);
  const publishedFrom = now();
  await publishMany(bench, EVENTS);
  const publishedUntil = now();
  const first = await whilePublishing;
  await untilNonePending(bench, webhookId);

  // The same events again, all at once: what the sender does when nobody publishes.
  const again = receiver.count(EVENTS, "replayed");
  const replayedFrom = now();
  await bench.client.webhooks.replayWebhookEvents({ orgId, webhookId, since: timestampFromDate(since) });
  const second = await again;

  console.log(
    `\nDeliveries to one local receiver, ${EVENTS} events of three environments, after ${WARM_UP} to warm up\n`,
  );
  const perSecond = (from: number, until: number) => Math.round((EVENTS * 1000) / (until - from));
  console.table({
    [`published by ${CLIENTS} clients`]: { "per second": perSecond(publishedFrom, publishedUntil) },
    "delivered meanwhile": { "per second": perSecond(publishedFrom, first.arrivedAt), requests: first.all },
    "replayed at once": { "per second": perSecond(replayedFrom, second.arrivedAt), requests: second.all },
  });
}

async function untilNonePending({ client, where }: Bench, webhookId: string): Promise<void> {
  const pending = { orgId: where.orgId, webhookId, state: "pending", limit: 1 };
  while ((await client.webhooks.listWebhookDeliveries(pending)).total > 0);
}

/** The time from the call of a publish to its arrival, one publish after the other. */
async function latencies(deadUrls: readonly string[]): Promise<number[]> {
  using receiver = await Helper.start("receiver");
  await using bench = await startBench();
  const { client, where } = bench;
  const make = (url: string) => client.webhooks.createWebhook({ orgId: where.orgId, url, events: ["bundle.*"] });
  for (let start = 0; start < deadUrls.length; start += 50) {
    await Promise.all(deadUrls.slice(start, start + 50).map(make));
  }
  await make(receiver.url);
  const measured: number[] = [];
  for (let index = -LATENCY_WARM_UP; index < PUBLISHES; index += 1) {
    const arrival = receiver.count(1);
    const from = now();
    await publish(bench);
    const { arrivedAt } = await arrival;
    if (index >= 0) measured.push(arrivedAt - from);
  }
  return measured;
}

async function measureDead(): Promise<void> {
  using silent = await Helper.start("silent");
  const closed = await closedUrl();
  const dead = Array.from({ length: DEAD }, (_, index) => `${index % 2 === 0 ? silent.url : closed}/${index}`);
  const rows = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const alone = await latencies([]);
    const beside = await latencies(dead);
    rows.push({
      round,
      "median alone": millis(quantile(alone, 0.5)),
      "p99 alone": millis(quantile(alone, 0.99)),
      "median beside": millis(quantile(beside, 0.5)),
      "p99 beside": millis(quantile(beside, 0.99)),
      "median ratio": ratio(alone, beside, 0.5),
      "p99 ratio": ratio(alone, beside, 0.99),
    });
  }
  console.log(
    `\nFrom the call of a publish to its arrival at a healthy receiver, ms: alone, and beside ${DEAD} dead ones of the same events` +
      ` (half silent, half closed); ${PUBLISHES} publishes one after the other, a new server for each\n`,
  );
  console.table(rows);
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(at * sorted.length) - 1)] ?? NaN;
}

function ratio(alone: readonly number[], beside: readonly number[], at: number): number {
  return Number((quantile(beside, at) / quantile(alone, at)).toFixed(2));
}

function millis(value: number): number {
  return Number(value.toFixed(1));
}

function numberFrom(name: string, fallback: number): number {
  return Number(process.env[name] ?? fallback);
}

async function main(): Promise<void> {
  console.log(`Node ${process.version}, ${availableParallelism()} cores, ${new Date().toISOString()}`);
  await measureThroughput();
  await measureDead();
}

process.on("disconnect", () => process.exit());
const [, , role] = process.argv;
if (role === "receiver") runReceiver();
else if (role === "silent") runSilent();
else await main();
