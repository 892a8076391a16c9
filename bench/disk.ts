/**
 * Measures what a slow disk does to those who need none: `node dist/bench/disk.js` after the build. Polls that are answered from memory
 * and /healthz, beside eight clients that publish, with fsync made slow (bench/slow-fsync.c, compiled with gcc), and while another
 * process has the database locked. Linux.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { quantile } from "./figures.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

const SECONDS = Number(process.env["SECONDS"] ?? 10);
const CLIENTS = 8;
const SOURCE = fileURLToPath(new URL("../../bench/slow-fsync.c", import.meta.url));

/** Runs it and prints its table. */
export async function benchDisk(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  const [shim, told] = [join(directory, "slow-fsync.so"), join(directory, "fsync-ms")];
  execFileSync("gcc", ["-shared", "-fPIC", "-O2", "-o", shim, SOURCE, "-ldl"]);
  await writeFile(told, "0");
  Object.assign(process.env, { LD_PRELOAD: shim, SLOW_FSYNC: told });
  const server = await SignetProcess.start(directory);
  delete process.env["LD_PRELOAD"];
  try {
    const rows: Record<string, object> = {};
    for (const ms of [0, 200, 3_000]) {
      await writeFile(told, String(ms));
      rows[ms === 0 ? "fsync as it is" : `fsync of ${ms} ms`] = await measure(server);
    }
    await writeFile(told, "0");
    const other = new Database(join(directory, "signet.db"));
    other.exec("begin immediate");
    rows["another process has the database locked"] = await measure(server);
    other.exec("rollback");
    other.close();
    console.log(`\nBeside ${CLIENTS} clients that publish, ${SECONDS} s each\n`);
    console.table(rows);
  } finally {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure({ started: { url, firstStart } }: SignetProcess): Promise<object> {
  if (firstStart === null) throw new Error("a new directory that is not new");
  const base = `${url}/v1/orgs/${firstStart.orgId}/projects/${firstStart.projectId}`;
  const admin = { authorization: `Bearer ${BENCH_TOKEN}`, "content-type": "application/json" };
  const runtime = await runtimeToken(base, url, admin, firstStart);
  const end = performance.now() + SECONDS * 1_000;
  const statuses: Record<number, number> = {};
  const publish = async () => {
    const body = JSON.stringify({ policies: { at: Math.random() } });
    const answer = await fetch(`${base}/envs/dev/bundles/publish`, { method: "POST", headers: admin, body });
    await answer.arrayBuffer();
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
  };
  const polls: number[] = [];
  const probes: number[] = [];
  const timed = async (times: number[], ask: () => Promise<Response>) => {
    const from = performance.now();
    await (await ask()).arrayBuffer();
    times.push(performance.now() - from);
  };
  const repeat = async (work: () => Promise<void>, pauseMs: number) => {
    while (performance.now() < end) {
      await work();
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const latest = () => fetch(`${url}/v1/bundles/latest`, { headers: { authorization: `Bearer ${runtime}` } });
  await Promise.all([
    ...Array.from({ length: CLIENTS }, () => repeat(publish, 0)),
    repeat(() => timed(polls, latest), 5),
    repeat(() => timed(probes, () => fetch(`${url}/healthz`)), 20),
  ]);
  return {
    "poll p50, ms": ms(quantile(polls, 0.5)),
    "poll p99, ms": ms(quantile(polls, 0.99)),
    "healthz longest, ms": ms(Math.max(...probes)),
    "publishes a second": ms((statuses[200] ?? 0) / SECONDS),
    "503": statuses[503] ?? 0,
  };
}

let token: string | undefined;

/** One that is there before the disk is slow. */
async function runtimeToken(
  base: string,
  url: string,
  headers: Record<string, string>,
  { orgId, projectId }: { readonly orgId: string; readonly projectId: string },
): Promise<string> {
  if (token !== undefined) return token;
  const ask = async (path: string, body?: object): Promise<Record<string, unknown>> => {
    const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await (await fetch(path, { headers, ...sent })).json()) as Record<string, unknown>;
  };
  await ask(`${base}/envs/dev/bundles/publish`, { policies: { first: true } });
  const environments = (await ask(`${base}/environments`)) as unknown as readonly { id: string; name: string }[];
  const environmentId = environments.find(({ name }) => name === "dev")?.id;
  const body = { project_id: projectId, environment_id: environmentId, name: "bench" };
  const made = await ask(`${url}/v1/orgs/${orgId}/tokens/runtime`, body);
  token = String(made["raw_key"]);
  return token;
}

function ms(value: number): number {
  return Number(value.toFixed(1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchDisk();
