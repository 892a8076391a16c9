/**
 * Measures what a backup costs those who publish and watch meanwhile: `node dist/bench/main.js backup` after the build. Publishes one
 * small change after another to all watchers, first alone, then beside backups that are made one after another; each round compares both.
 *
 * CONNECTIONS, DATABASE_MIB and ROUNDS in the environment change a run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { now, numberFrom, quantile, rounded } from "./figures.js";
import { Watchers } from "./load/watchers.js";
import { machineLine, needOpenFiles } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";
import { BENCH_TOKEN } from "./signet-process.js";

const SEED_BYTES = 256 * 1024;
const CHANGE_BYTES = 2 * 1024;
const PAUSE_MS = 20;
/** Changes of a round without a backup. */
const ALONE = 60;

interface Figures {
  readonly publish: number[];
  readonly push: number[];
}

/** Runs the whole benchmark and prints its table. */
export async function benchBackup(): Promise<void> {
  const connections = numberFrom("CONNECTIONS", 1_000);
  const mebibytes = numberFrom("DATABASE_MIB", 100);
  const rounds = numberFrom("ROUNDS", 3);
  needOpenFiles(connections + 200);
  console.log(machineLine());
  await using signet = await SignetBench.open("info");
  for (let mib = 0; mib < mebibytes; mib += SEED_BYTES / 1024 / 1024) await signet.publish(SEED_BYTES);
  await using watchers = await Watchers.start();
  await watchers.open(signet.watchCall(1), connections, 100);
  const alone: Figures = { publish: [], push: [] };
  const beside: Figures = { publish: [], push: [] };
  const tookMs: number[] = [];
  // The first changes warm up.
  for (let count = 0; count < ALONE; count += 1) await change(signet, watchers, { publish: [], push: [] });
  for (let round = 0; round < rounds; round += 1) {
    for (let count = 0; count < ALONE; count += 1) await change(signet, watchers, alone);
    const from = now();
    const isDone = await startBackup(signet.url);
    while (!(await isDone())) await change(signet, watchers, beside);
    tookMs.push(now() - from);
  }
  const row = (figures: Figures) => ({
    changes: figures.publish.length,
    "publish p50, ms": rounded(quantile(figures.publish, 0.5)),
    "publish p99, ms": rounded(quantile(figures.publish, 0.99)),
    "push p50, ms": rounded(quantile(figures.push, 0.5)),
    "push p99, ms": rounded(quantile(figures.push, 0.99)),
  });
  const ratio = (name: keyof Figures) => rounded(quantile(beside[name], 0.99) / quantile(alone[name], 0.99), 2);
  console.log(
    `\n${connections} watchers, a database of ${mebibytes} MiB, ${rounds} backups of ${tookMs.map((ms) => rounded(ms / 1000)).join(", ")} s\n`,
  );
  console.table({ alone: row(alone), "beside a backup": row(beside) });
  console.log(`p99 beside a backup: ${ratio("publish")} times of publishes, ${ratio("push")} times of pushes`);
}

async function change(signet: SignetBench, watchers: Watchers, { publish, push }: Figures): Promise<void> {
  const from = now();
  const { at, failures } = await watchers.feed(CHANGE_BYTES, async () => {
    await signet.publish(CHANGE_BYTES);
    publish.push(now() - from);
  });
  if (Object.keys(failures).length > 0) throw new Error(`watches failed: ${JSON.stringify(failures)}`);
  for (const time of at) push.push(time - from);
  await sleep(PAUSE_MS);
}

/** Returns what tells whether the backup is ready; it is deleted then. */
async function startBackup(url: string): Promise<() => Promise<boolean>> {
  const { id } = await ask<{ id: string }>("POST", `${url}/v1/backups`);
  return async () => {
    const { state } = await ask<{ state: string }>("GET", `${url}/v1/backups/${id}`);
    if (state === "running") return false;
    if (state !== "ready") throw new Error(`the backup is ${state}`);
    await fetch(`${url}/v1/backups/${id}`, { method: "DELETE", headers: HEADERS });
    return true;
  };
}

const HEADERS = { authorization: `Bearer ${BENCH_TOKEN}` };

async function ask<T>(method: string, url: string): Promise<T> {
  const response = await fetch(url, { method, headers: HEADERS });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
