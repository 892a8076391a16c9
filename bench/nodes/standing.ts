/**
 * What nodes on PostgreSQL cost while nothing changes: an idle node; one with runtimes that watch without a name; one with runtimes that
 * have a name, whose signs of life are written. Two nodes share a database of this benchmark's own; the load is a process of its own.
 *
 * STREAMS, NAMED and SECONDS (of each part; two heartbeats are 30) in the environment change a run.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NodeProcess } from "../../examples/cluster/node-process.js";
import { WatchBundleRequestSchema } from "../../gen/signet/v1/runtime_pb.js";
import { createSignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { DisposalStack } from "../../src/server/disposal-stack.js";
import { startCluster, type Cluster } from "../../tools/postgres/cluster.js";
import { numberFrom, rounded } from "../figures.js";
import { Watchers, type WatchCall } from "../load/watchers.js";
import { cpuMsOf, endedCpuMsOf, machineLine, needOpenFiles, rssKibOf } from "../process-use.js";
import { grpcHeaders } from "../signet-bench.js";

const TOKEN = "bench-admin-token-0123456789";
const HEARTBEAT_SECONDS = 15;
const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));

/** What was used in one part of the run. */
interface Used {
  readonly seconds: number;
  readonly nodeCpuMs: number;
  readonly databaseCpuMs: number;
  readonly transactions: number;
}

/** Runs the whole benchmark and prints its table. */
export async function benchStanding(): Promise<void> {
  const streams = numberFrom("STREAMS", 3_000);
  const named = numberFrom("NAMED", 1_000);
  const seconds = numberFrom("SECONDS", 30);
  needOpenFiles(streams + named + 500);
  console.log(machineLine());
  await using stack = new DisposalStack();
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const postgres = stack.use(await startCluster({ fsync: true }));
  const tokenFile = join(directory, "token");
  await writeFile(tokenFile, TOKEN, { mode: 0o600 });
  const settings = {
    SIGNET_DATABASE_URL: await postgres.createDatabase("signet"),
    SIGNET_KEY_SECRET: "of-this-benchmark-0123456789-0123456789",
    SIGNET_ADMIN_TOKEN_FILE: tokenFile,
  };
  const node = stack.use(await NodeProcess.start("node1", directory, [MAIN], settings));
  const other = stack.use(await NodeProcess.start("node2", directory, [MAIN], settings));
  const callOf = await watchOf(node);
  const watchers = stack.use(await Watchers.start());
  const measure = async () => await used(postgres, node.pid, seconds);

  await sleep(2_000);
  const idle = await measure();
  const memoryKib = rssKibOf(node.pid);
  const { failures } = await watchers.open(callOf(""), streams, 100);
  await sleep(2_000);
  const streamKib = (rssKibOf(node.pid) - memoryKib) / streams;
  const unnamed = await measure();
  await watchers.close();
  await sleep(2_000);
  for (let n = 0; n < named; n += 1) await watchers.open(callOf(`runtime-${n}`), 1, 1);
  await sleep(2_000);
  const withNames = await measure();
  const [connections] = await postgres.query<{ count: number }>(
    "select count(*)::int as count from pg_stat_activity where datname = 'signet'",
  );

  const beats = (count: number) => (count * seconds) / HEARTBEAT_SECONDS;
  console.table({
    "idle node": row(idle),
    [`${streams} streams without a name`]: row(unnamed),
    [`${named} streams with a name`]: row(withNames),
  });
  console.table({
    "memory of a stream, KiB": rounded(streamKib),
    "CPU of a heartbeat, µs": micros(unnamed.nodeCpuMs - idle.nodeCpuMs, beats(streams)),
    "CPU of a sign of life, node, µs": micros(withNames.nodeCpuMs - idle.nodeCpuMs, beats(named)),
    "CPU of a sign of life, database, µs": micros(withNames.databaseCpuMs - idle.databaseCpuMs, beats(named)),
    "connections of two nodes now": connections?.count,
    "streams that failed": Object.values(failures).reduce((sum, count) => sum + count, 0),
  });
  await other.kill();
}

function row({ seconds, nodeCpuMs, databaseCpuMs, transactions }: Used) {
  return {
    "CPU of the node, % of a core": rounded(nodeCpuMs / seconds / 10),
    "CPU of the database, % of a core": rounded(databaseCpuMs / seconds / 10),
    "transactions a second": rounded(transactions / seconds),
  };
}

function micros(cpuMs: number, count: number): number {
  return rounded((cpuMs * 1000) / count);
}

/** The database's part is of both nodes. */
async function used(postgres: Cluster, pid: number, seconds: number): Promise<Used> {
  const before = {
    node: cpuMsOf(pid),
    database: databaseCpuMs(postgres),
    transactions: await transactionsOf(postgres),
  };
  await sleep(seconds * 1000);
  return {
    seconds,
    nodeCpuMs: cpuMsOf(pid) - before.node,
    databaseCpuMs: databaseCpuMs(postgres) - before.database,
    transactions: (await transactionsOf(postgres)) - before.transactions,
  };
}

async function transactionsOf(postgres: Cluster): Promise<number> {
  const [row] = await postgres.query<{ count: number }>(
    "select (xact_commit + xact_rollback)::int as count from pg_stat_database where datname = 'signet'",
  );
  return row?.count ?? NaN;
}

/** Of all its processes, those that have ended too: the parent of all has waited for them. */
function databaseCpuMs({ dataDirectory }: Cluster): number {
  const parent = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n", 1)[0] ?? "";
  const ended = endedCpuMsOf(Number(parent));
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .reduce((sum, pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        const isChild = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] === parent;
        return isChild || pid === parent ? sum + cpuMsOf(Number(pid)) : sum;
      } catch {
        return sum;
      }
    }, ended);
}

/** Publishes something, and returns the call of a runtime that has it, with a name or "". */
async function watchOf(node: NodeProcess): Promise<(instanceId: string) => WatchCall> {
  using connection = openNodeTransport({ url: node.url, timeoutMs: 30_000 });
  const client = createSignetClient({ transport: connection.transport, token: TOKEN });
  const { orgId } = await client.tokens.whoAmI({});
  const project = { orgId, projectId: "default" };
  const { rawKey = "" } = await client.tokens.createRuntimeToken({ ...project, environmentId: "dev" });
  const policies = JSON.stringify({ text: "x".repeat(10_240) });
  await client.bundles.publishBundle({ ...project, envName: "dev", policies });
  return (instanceId) => ({
    port: node.port,
    path: "/signet.v1.RuntimeService/WatchBundle",
    headers: grpcHeaders(node.port, { authorization: `Bearer ${rawKey}` }),
    message: Buffer.from(
      toBinary(WatchBundleRequestSchema, create(WatchBundleRequestSchema, { afterSequence: 1, instanceId })),
    ).toString("base64"),
    half: true,
  });
}
