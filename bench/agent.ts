/**
 * Measures local readers behind `signet agent`: `node dist/bench/agent.js` after the build. Half of them read by server-sent events, half by
 * held polls: behind an agent, and directly at the server, each with servers of its own and in turn. Says how many streams and polls the server
 * holds, what both processes use, and how long it takes from a publish until the last reader has it.
 *
 * READERS, ROUNDS (changes) and DOCUMENT_BYTES in the environment change a run; CPU_PROF=DIR profiles server and agent.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AgentProcess } from "./agent-process.js";
import { median, now, numberFrom, quantile, rounded } from "./figures.js";
import { Readers } from "./load/readers.js";
import { cpuMsOf, machineLine, needOpenFiles, rssKibOf } from "./process-use.js";
import { BENCH_TOKEN } from "./signet-process.js";
import { SignetBench } from "./signet-bench.js";

interface Size {
  readonly readers: number;
  readonly rounds: number;
  readonly bytes: number;
}

interface Figures {
  /** As the server's own metrics have them. */
  readonly streams: number;
  readonly polls: number;
  /** Of each change. */
  readonly lastMs: readonly number[];
  readonly medianMs: readonly number[];
  /** For each change, in milliseconds of CPU time. */
  readonly serverCpuMs: number;
  readonly agentCpuMs: number | null;
  /** With the readers connected, beside none of them. */
  readonly serverMib: number;
  readonly agentMib: number | null;
}

/** Runs the whole benchmark and prints its table. */
export async function benchAgent(): Promise<void> {
  const size = {
    readers: numberFrom("READERS", 1_000),
    rounds: numberFrom("ROUNDS", 20),
    bytes: numberFrom("DOCUMENT_BYTES", 10 * 1024),
  };
  needOpenFiles(size.readers + 200);
  console.log(machineLine());
  const [behind, direct] = [await behindAgent(size), await atServer(size)];
  console.log(
    `\n${size.readers} readers, half by events and half by held polls; ${size.rounds} changes of ${size.bytes} bytes\n`,
  );
  console.table({ "behind an agent": rowOf(behind), "at the server": rowOf(direct) });
  const ratio = median(behind.lastMs) / median(direct.lastMs);
  const cpu = behind.serverCpuMs / direct.serverCpuMs;
  console.log(
    `\nBehind the agent the last reader has a change after ${rounded(ratio, 2)} times the time, for ${rounded(cpu, 2)} of the server's CPU time`,
  );
}

async function behindAgent(size: Size): Promise<Figures> {
  await using signet = await SignetBench.open("silent");
  await signet.publish(size.bytes);
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-agent-"));
  try {
    const [, orgId = ""] = /^\/v1\/orgs\/([^/]+)\//.exec(signet.environment) ?? [];
    await using agent = await AgentProcess.start({
      ...{ url: signet.url, token: signet.runtimeToken, directory, keys: await attestationKeys(signet) },
      identity: { orgId, projectId: signet.projectId, environment: "dev" },
    });
    return await measure(signet, agent, size);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function atServer(size: Size): Promise<Figures> {
  await using signet = await SignetBench.open("silent");
  await signet.publish(size.bytes);
  return await measure(signet, null, size);
}

async function measure(
  signet: SignetBench,
  agent: AgentProcess | null,
  { readers, rounds, bytes }: Size,
): Promise<Figures> {
  const at =
    agent === null ? { port: signet.port, token: signet.runtimeToken } : { port: portOf(agent.url), token: null };
  const before = { server: rssKibOf(signet.pid), agent: agent === null ? 0 : rssKibOf(agent.pid) };
  await using all = await Readers.open({ ...at, watches: Math.ceil(readers / 2), polls: Math.floor(readers / 2) });
  const [lastMs, medianMs]: [number[], number[]] = [[], []];
  // The first change is for the caches.
  await all.arrivals(async () => await signet.publish(bytes));
  const cpu = { server: cpuMsOf(signet.pid), agent: agent === null ? 0 : cpuMsOf(agent.pid) };
  for (let round = 0; round < rounds; round += 1) {
    const from = now();
    const arrivals = await all.arrivals(async () => await signet.publish(bytes));
    const tookMs = arrivals.map((atMs) => atMs - from);
    lastMs.push(quantile(tookMs, 1));
    medianMs.push(median(tookMs));
  }
  const each = (after: number, start: number) => (after - start) / rounds;
  // Polls are held again a moment after they were answered.
  await sleep(1_000);
  return {
    ...{ lastMs, medianMs },
    streams: await metric(signet.metricsUrl, "signet_streams_open"),
    polls: await metric(signet.metricsUrl, "signet_held_polls"),
    serverCpuMs: each(cpuMsOf(signet.pid), cpu.server),
    agentCpuMs: agent === null ? null : each(cpuMsOf(agent.pid), cpu.agent),
    serverMib: (rssKibOf(signet.pid) - before.server) / 1024,
    agentMib: agent === null ? null : (rssKibOf(agent.pid) - before.agent) / 1024,
  };
}

async function attestationKeys(signet: SignetBench): Promise<readonly string[]> {
  const answer = await fetch(`${signet.url}/v1/keys`, { headers: { authorization: `Bearer ${BENCH_TOKEN}` } });
  const keys = (await answer.json()) as readonly { purpose: string; public_key_pem: string }[];
  return keys.filter(({ purpose }) => purpose === "attestation").map(({ public_key_pem }) => public_key_pem);
}

/** The sum of a metric over its labels. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function rowOf(figures: Figures) {
  const of = (value: number | null) => (value === null ? "" : rounded(value));
  return {
    ...{ "streams at the server": figures.streams, "polls held": figures.polls },
    "last reader, ms": of(median(figures.lastMs)),
    "worst of all changes, ms": of(quantile(figures.lastMs, 1)),
    "median reader, ms": of(median(figures.medianMs)),
    "server CPU a change, ms": of(figures.serverCpuMs),
    "agent CPU a change, ms": of(figures.agentCpuMs),
    "server memory for them, MiB": of(figures.serverMib),
    "agent memory for them, MiB": of(figures.agentMib),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchAgent();
