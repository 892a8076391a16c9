/**
 * Measures a move from SQLite to PostgreSQL and back: `node dist/bench/main.js migrate` after the build. Seeds a data directory, asks its
 * server for many answers, moves it by the command line into a PostgreSQL of its own, asks there, moves it back and asks once more. All
 * answers must be the same, byte for byte.
 *
 * VERSIONS, AUDIT_EVENTS and ANSWERS in the environment make a run smaller.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startCluster } from "../tools/postgres/cluster.js";
import { numberFrom, rounded } from "./figures.js";
import { machineLine } from "./process-use.js";
import { seedSignedAudit } from "./seed-audit.js";
import { seedHistory } from "./seed-history.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

const MAIN = fileURLToPath(new URL("../src/main.js", import.meta.url));
const KEY_SECRET = "the secret of the benchmark's nodes, long enough";

interface Where {
  readonly orgId: string;
  readonly projectId: string;
}

/** Runs the whole benchmark and prints its table. */
export async function benchMigrate(): Promise<void> {
  const versions = numberFrom("VERSIONS", 100_000);
  const auditEvents = numberFrom("AUDIT_EVENTS", 1_000_000);
  const answers = numberFrom("ANSWERS", 1_000);
  console.log(machineLine());
  const folder = await mkdtemp(join(tmpdir(), "signet-bench-"));
  const [source, back] = [join(folder, "source"), join(folder, "back")];
  await using cluster = await startCluster({ settings: { shared_buffers: "256MB", max_wal_size: "4GB" } });
  try {
    const where = await seed(source, { versions, auditEvents });
    const paths = pathsOf(where, { versions, auditEvents }, answers);
    const settings = { SIGNET_DATABASE_URL: await cluster.createDatabase("bench"), SIGNET_KEY_SECRET: KEY_SECRET };
    const before = await answersOf(source, paths, {});
    const there = await migrate("postgres", source, settings);
    const onPostgres = await answersOf(join(folder, "node"), paths, settings);
    const again = await migrate("sqlite", back, settings);
    const after = await answersOf(back, paths, {});
    const differing = paths.filter((_, n) => before[n] !== onPostgres[n] || before[n] !== after[n]);
    console.log(
      `\n${versions} versions, ${auditEvents} audit events, ${there.rows} rows; PostgreSQL ${cluster.major}\n`,
    );
    console.table({ "to PostgreSQL": there, "back to SQLite": again });
    console.log(`${paths.length} answers, ${differing.length} of them not the same byte for byte`);
    if (differing.length > 0) throw new Error(`not the same: ${differing.slice(0, 5).join(", ")}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function seed(
  directory: string,
  size: { readonly versions: number; readonly auditEvents: number },
): Promise<Where> {
  const from = performance.now();
  const where = await withServer(directory, {}, async ({ firstStart }) => firstStart);
  if (where === null) throw new Error("a new directory that is not new");
  seedHistory(directory, { versions: size.versions - 1, auditEvents: 0 });
  await seedSignedAudit(directory, size.auditEvents - 1);
  // What is active is verified: a real one.
  await withServer(directory, {}, async ({ url }) => {
    const path = `/v1/orgs/${where.orgId}/projects/${where.projectId}/envs/dev/bundles/publish`;
    await send(url, path, JSON.stringify({ policies: { limit: 3 } }));
  });
  console.log(`seeded in ${rounded((performance.now() - from) / 1000)} s`);
  return where;
}

/** Of every kind: the same number of pages from everywhere in the history. */
function pathsOf(
  { orgId, projectId }: Where,
  { versions, auditEvents }: { readonly versions: number; readonly auditEvents: number },
  count: number,
): readonly string[] {
  const org = `/v1/orgs/${orgId}`;
  const env = `${org}/projects/${projectId}/envs/dev`;
  const kinds: readonly ((share: number) => string)[] = [
    (share) => `${env}/bundles?limit=25&before_version=${Math.ceil(share * versions)}`,
    (share) => `${env}/bundles/${Math.ceil(share * (versions - 1))}`,
    (share) => `${env}/deployments?limit=25&offset=${Math.floor(share * (versions - 1))}`,
    (share) => `${org}/audit?limit=50&before=${Math.ceil(share * auditEvents)}`,
    (share) => `${org}/audit?limit=50&actor=sgn_ci_7&before=${Math.ceil(share * auditEvents)}`,
    (share) => `${org}/audit?limit=50&action=bundle.*&before=${Math.ceil(share * auditEvents)}`,
    (share) => `${org}/audit?limit=50&environment=dev&project_id=${projectId}&before=${Math.ceil(share * auditEvents)}`,
  ];
  const single = [`${org}/projects`, `${org}/projects/${projectId}/environments`, "/v1/keys", `${org}/webhooks`, org];
  const each = Array.from({ length: count - single.length }, (_, n) => {
    const kind = kinds[n % kinds.length];
    return kind?.((n + 1) / count) ?? "";
  });
  return [...single, ...each];
}

async function answersOf(
  directory: string,
  paths: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  return await withServer(directory, settings, async ({ url }) => {
    const answers: string[] = [];
    for (const path of paths) answers.push(await send(url, path));
    return answers;
  });
}

async function withServer<T>(
  directory: string,
  settings: Readonly<Record<string, string>>,
  work: (started: SignetProcess["started"]) => Promise<T>,
): Promise<T> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using server = await SignetProcess.start(directory, "silent", null, settings);
  return await work(server.started);
}

/** Status and body. */
async function send(url: string, path: string, body?: string): Promise<string> {
  const headers = { authorization: `Bearer ${BENCH_TOKEN}`, "content-type": "application/json" };
  const answer = await fetch(`${url}${path}`, body === undefined ? { headers } : { method: "POST", headers, body });
  const text = await answer.text();
  if (answer.status >= 500) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return `${answer.status} ${text}`;
}

/** Runs the command; what it printed, and the most memory that it had. */
async function migrate(to: string, directory: string, settings: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN, "migrate", "--to", to, "--data", directory, "--json"], {
    env: { ...process.env, ...settings },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  let peakKib = 0;
  const watch = setInterval(() => (peakKib = Math.max(peakKib, peakOf(child.pid ?? 0))), 200);
  const [code] = (await once(child, "close")) as [number];
  clearInterval(watch);
  if (code !== 0) throw new Error(`signet migrate --to ${to} ended with ${code}`);
  const { rows, seconds } = JSON.parse(text) as { rows: number; seconds: number };
  return { rows, seconds, "rows/s": Math.round(rows / seconds), "peak memory, MiB": Math.round(peakKib / 1024) };
}

/** As the system counts it; 0 when the process is gone, or where there is no /proc. */
function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchMigrate();
