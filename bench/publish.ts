/**
 * Measures durable publishing: `node dist/bench/publish.js` after the build. Signet's server against a bare loop that inserts the
 * same bytes into SQLite with `synchronous=FULL`, and against `etcd put` where /usr/bin/etcd is there. Rounds in turn, medians.
 *
 * PUBLISHES and ROUNDS in the environment make a run smaller.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { Agent } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { EtcdProcess } from "./etcd-process.js";
import { median } from "./figures.js";
import { documentOf, post, rateOf } from "./load/publishes.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

const PUBLISHES = Number(process.env["PUBLISHES"] ?? 2_000);
const ROUNDS = Number(process.env["ROUNDS"] ?? 5);
const CLIENTS = 8;
const DOCUMENT_BYTES = 10 * 1024;
const LARGE_BYTES = [1, 4, 15].map((mib) => mib * 1024 * 1024);

/** Publishes, inserts or puts that many documents; returns how many a second. */
type Work = (count: number) => Promise<number>;

interface Peer extends AsyncDisposable {
  readonly work: Work;
}

/** Runs the whole benchmark and prints its tables. */
export async function benchPublish(): Promise<void> {
  console.log(`Node ${process.version}, ${availableParallelism()} cores, ${new Date().toISOString()}`);
  await benchRates();
  await benchLarge();
}

async function benchRates(): Promise<void> {
  await using signet = await openSignet();
  await using bare = await openBare();
  await using etcd = await openEtcd();
  const rates = { signet1: [], signet: [], bare: [], etcd1: [], etcd: [] } as Record<string, number[]>;
  const cpu: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const count = round === 0 ? Math.ceil(PUBLISHES / 4) : PUBLISHES;
    const told: Record<string, number> = { bare: await bare.work(count) };
    await signet.process.usage();
    told["signet"] = await signet.work(count);
    const { cpuMs } = await signet.process.usage();
    told["signet1"] = await signet.workAlone(count / 4);
    if (etcd !== null) {
      told["etcd"] = await etcd.work(count);
      told["etcd1"] = await etcd.workAlone(count / 4);
    }
    // The first round warms up.
    if (round === 0) continue;
    cpu.push(cpuMs / count);
    for (const [name, rate] of Object.entries(told)) rates[name]?.push(rate);
  }
  const base = median(rates["bare"] ?? []);
  const row = (name: string) => {
    const all = rates[name] ?? [];
    return { "a second": Math.round(median(all)), "of the bare insert": Number((median(all) / base).toFixed(2)) };
  };
  console.log(`\nDurable writes of ${DOCUMENT_BYTES / 1024} KiB, medians of ${ROUNDS} rounds of ${PUBLISHES}\n`);
  console.table({
    "bare better-sqlite3 insert, one after the other": row("bare"),
    [`Signet publish, ${CLIENTS} clients`]: row("signet"),
    "Signet publish, 1 client": row("signet1"),
    ...(etcd === null ? {} : { [`etcd put, ${CLIENTS} clients`]: row("etcd"), "etcd put, 1 client": row("etcd1") }),
  });
  console.log(`Server CPU of a publish with ${CLIENTS} clients: ${median(cpu).toFixed(2)} ms`);
}

/** How long a publish of a large document takes, and how long the server's event loop stands still meanwhile. */
async function benchLarge(): Promise<void> {
  await using signet = await openSignet();
  const rows: Record<string, object> = {};
  for (const bytes of LARGE_BYTES) {
    const took: number[] = [];
    const blocked: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const body = documentOf(bytes);
      await signet.process.usage();
      const from = performance.now();
      await signet.publish(body);
      if (round > 0) took.push(performance.now() - from);
      const { longestBlockMs } = await signet.process.usage();
      if (round > 0) blocked.push(longestBlockMs);
    }
    rows[`${bytes / 1024 / 1024} MiB`] = {
      "publish, ms": ms(took),
      "longest hold-up of the event loop, ms": ms(blocked),
    };
  }
  console.log(`\nPublishing a large document, medians of ${ROUNDS}\n`);
  console.table(rows);
}

async function openSignet() {
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  const server = await SignetProcess.start(directory);
  const { url, firstStart } = server.started;
  if (firstStart === null) throw new Error("a new directory that is not new");
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const path = `/v1/orgs/${firstStart.orgId}/projects/${firstStart.projectId}/envs/dev/bundles/publish`;
  const publish = (body: Buffer) =>
    post(agent, `${url}${path}`, { authorization: `Bearer ${BENCH_TOKEN}`, "content-type": "application/json" }, body);
  return {
    process: server,
    publish,
    work: (count: number) => rateOf(count, CLIENTS, () => publish(documentOf(DOCUMENT_BYTES))),
    workAlone: (count: number) => rateOf(count, 1, () => publish(documentOf(DOCUMENT_BYTES))),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function openBare(): Promise<Peer> {
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  const database = new Database(join(directory, "bare.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec("create table documents (id integer primary key, body text not null)");
  const insert = database.prepare("insert into documents (body) values (?)");
  return {
    async work(count) {
      return await rateOf(count, 1, async () => void insert.run(documentOf(DOCUMENT_BYTES).toString()));
    },
    async [Symbol.asyncDispose]() {
      database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** etcd's own JSON gateway: its clients and Signet's then speak the same protocol. */
async function openEtcd() {
  const etcd = await EtcdProcess.start();
  if (etcd === null) return null;
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  let next = 0;
  const put = async () => {
    const key = Buffer.from(`bundle/${(next += 1)}`).toString("base64");
    const body = JSON.stringify({ key, value: documentOf(DOCUMENT_BYTES).toString("base64") });
    const headers = { "content-type": "application/json" };
    await post(agent, `http://127.0.0.1:${etcd.port}/v3/kv/put`, headers, Buffer.from(body));
  };
  return {
    work: (count: number) => rateOf(count, CLIENTS, put),
    workAlone: (count: number) => rateOf(count, 1, put),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await etcd[Symbol.asyncDispose]();
    },
  };
}

function ms(values: readonly number[]): number {
  return Number(median(values).toFixed(1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchPublish();
