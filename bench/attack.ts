/**
 * Measures what attacks cost others: `node dist/bench/attack.js` after the build. A Signet with the default limits is attacked in one way
 * after the other, by a process of its own, while somebody with a good token makes requests over the connection that he has and over new
 * ones. Says how long these take before and meanwhile, what memory the server needs, and what its limits refused.
 *
 * ATTACK_MS in the environment is how long each attack goes on; ATTACKS, comma-separated, are the ones that are made.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median, numberFrom, quantile, rounded } from "./figures.js";
import { Attackers } from "./load/attackers.js";
import { ATTACKS, type AttackName, type Target } from "./load/attacks.js";
import { Prober } from "./load/prober.js";
import { machineLine, needOpenFiles, rssKibOf } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";
import { BENCH_TOKEN } from "./signet-process.js";

const BEFORE_MS = 2_000;
/** For what the attack left behind. */
const AFTER_MS = 3_000;
const SAMPLE_MS = 50;

const LARGE_BYTES = 15 * 1024 * 1024;

interface Seen {
  /** How long requests took, in ms: over the connection that was there, and over new ones. */
  readonly kept: readonly number[];
  readonly fresh: readonly number[];
  /** Of /healthz, which waits for nothing but the event loop. */
  readonly health: readonly number[];
  readonly peakMib: number;
}

/** Runs the whole benchmark and prints its table. */
export async function benchAttack(): Promise<void> {
  const attackMs = numberFrom("ATTACK_MS", 5_000);
  const names = Object.keys(ATTACKS) as AttackName[];
  const asked = process.env["ATTACKS"]?.split(",") ?? names;
  needOpenFiles(13_000);
  console.log(machineLine());
  for (const name of names.filter((it) => asked.includes(it))) {
    // A server for each, so that one attack's memory is not counted for the next.
    await using signet = await SignetBench.open("info");
    if (name.startsWith("large answers")) await signet.publish(LARGE_BYTES);
    await signet.publish(10 * 1024);
    const tokens = { adminToken: BENCH_TOKEN, runtimeToken: signet.runtimeToken };
    const target = { port: signet.port, ...tokens, largePath: signet.documentPath(1) };
    console.log(`\n${name}\n`);
    console.table(await measure(signet, name, target, attackMs));
  }
}

async function measure(signet: SignetBench, attack: AttackName, target: Target, attackMs: number) {
  const common = { url: signet.url, token: signet.runtimeToken, paths: ["/v1/bundles/latest", "/v1/whoami"] };
  using kept = new Prober({ ...common, keepAlive: true });
  using fresh = new Prober({ ...common, keepAlive: false });
  using health = new Prober({ ...common, keepAlive: true, paths: ["/healthz"] });
  const probed = (work: () => Promise<void>) => probe(signet, { kept, fresh, health }, work);
  await probed(() => sleep(BEFORE_MS));
  const beforeMib = mib(signet);
  const before = await probed(() => sleep(BEFORE_MS));
  const during = await probed(async () => {
    await using _attackers = await Attackers.start(attack, target);
    await sleep(attackMs);
  });
  await sleep(AFTER_MS);
  return {
    "known connection": latencyRow(before.kept, during.kept),
    "new connections": latencyRow(before.fresh, during.fresh),
    "/healthz": {
      before: `longest, ms: ${rounded(quantile(before.health, 1))}`,
      during: `${rounded(quantile(during.health, 1))} (${during.health.length} requests)`,
    },
    "memory, MiB": { before: beforeMib, during: during.peakMib, after: mib(signet) },
    refused: { during: await refusals(signet.metricsUrl) },
  };
}

interface Probers {
  readonly kept: Prober;
  readonly fresh: Prober;
  readonly health: Prober;
}

async function probe(signet: SignetBench, probers: Probers, work: () => Promise<void>): Promise<Seen> {
  let peakMib = 0;
  const sampler = setInterval(() => (peakMib = Math.max(peakMib, mib(signet))), SAMPLE_MS);
  let fresh: readonly number[] = [];
  let health: readonly number[] = [];
  const kept = await probers.kept.during(async () => {
    fresh = await probers.fresh.during(async () => {
      health = await probers.health.during(work);
    });
  });
  clearInterval(sampler);
  return { kept, fresh, health, peakMib };
}

function latencyRow(before: readonly number[], during: readonly number[]) {
  const of = (ms: readonly number[]) => [median(ms), quantile(ms, 0.99)].map((value) => rounded(value)).join(" / ");
  return { before: `p50 / p99 ms: ${of(before)}`, during: `${of(during)} (${during.length} requests)` };
}

/** What the limits refused since the server started. */
async function refusals(metricsUrl: string): Promise<string> {
  const page = await fetch(metricsUrl);
  const counts = [...(await page.text()).matchAll(/^signet_limit_refused_total\{limit="(\w+)"\} ([1-9]\d*)$/gm)];
  return counts.map(([, limit, count]) => `${limit} ${count}`).join(", ") || "nothing";
}

function mib({ pid }: SignetBench): number {
  return Math.round(rssKibOf(pid) / 1024);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchAttack();
