/**
 * Measures what requests that cost much to answer cost others: `node dist/bench/attack-work.js` after the build. A Signet is attacked by an
 * organization in one way after the other; meanwhile another organization publishes documents of 100 KB, or makes drafts of YAML, twice a
 * second, and a probe asks for /healthz. Says how long the longest of these took, what memory the server needs, and whom it refused.
 *
 * ATTACK_MS and ATTACKS in the environment as for `attack`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median, numberFrom, quantile, rounded } from "./figures.js";
import { Attackers } from "./load/attackers.js";
import { longKeyDocument, WORK_ATTACKS, type WorkAttackName } from "./load/work-attacks.js";
import { machineLine, rssKibOf } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";
import { BENCH_TOKEN } from "./signet-process.js";

const SAMPLE_MS = 20;
const OTHERS_EVERY_MS = 500;

/** What happened to somebody's requests. */
interface Outcomes {
  readonly ms: number[];
  readonly statuses: Map<number | string, number>;
}

/** Runs the whole benchmark and prints its table. */
export async function benchAttackWork(): Promise<void> {
  const attackMs = numberFrom("ATTACK_MS", 10_000);
  const names = Object.keys(WORK_ATTACKS) as WorkAttackName[];
  const asked = process.env["ATTACKS"]?.split(",") ?? names;
  console.log(machineLine());
  for (const name of names.filter((it) => asked.includes(it))) {
    console.log(`\n${name}\n`);
    console.table(await measure(name, attackMs));
  }
}

async function measure(attack: WorkAttackName, attackMs: number) {
  // One whose server is gone is what is to be shown.
  const signet = await SignetBench.open("info", attack.endsWith("256 MiB") ? 256 : null);
  try {
    const other = await signet.secondOrganization();
    for (const value of [1, 2]) await signet.publishBody(longKeyDocument(value));
    const { url, projectId, environment, runtimeToken } = signet;
    const target = { url, projectId, environment, adminToken: BENCH_TOKEN, runtimeToken };
    const [others, probes] = [outcomes(), outcomes()];
    const isOver = new AbortController();
    let peakKib = 0;
    const sampler = setInterval(() => (peakKib = Math.max(peakKib, rssKibOf(signet.pid) || 0)), SAMPLE_MS);
    const probing = repeatUntil(isOver.signal, 10, () => asked(probes, `${url}/healthz`));
    await sleep(1_000);
    const attackers = await Attackers.start(attack, target);
    const work = attack.startsWith("YAML") ? other.draft : other.publish;
    const pending: Promise<void>[] = [];
    const working = repeatUntil(isOver.signal, OTHERS_EVERY_MS, async () => {
      pending.push(asked(others, work.url, work.init()));
    });
    await sleep(attackMs);
    isOver.abort();
    await Promise.all([working, ...pending, probing]);
    clearInterval(sampler);
    await attackers[Symbol.asyncDispose]();
    return {
      "longest /healthz, ms": rounded(quantile(probes.ms, 1), 0),
      "peak RSS, MiB": Math.round(peakKib / 1024),
      "others waited, ms": [median(others.ms), quantile(others.ms, 1)].map((ms) => rounded(ms, 0)).join(" / "),
      "others got": counted(others),
      "probes got": counted(probes),
    };
  } finally {
    await signet[Symbol.asyncDispose]();
  }
}

const outcomes = (): Outcomes => ({ ms: [], statuses: new Map() });

const counted = ({ statuses }: Outcomes) =>
  [...statuses].map(([status, count]) => `${status} ${count}×`).join(", ") || "no answer";

async function repeatUntil(signal: AbortSignal, everyMs: number, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(everyMs);
  }
}

async function asked({ ms, statuses }: Outcomes, url: string, init?: RequestInit): Promise<void> {
  const from = performance.now();
  let status: number | string = "no answer";
  try {
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(60_000) });
    await answer.arrayBuffer();
    ({ status } = answer);
  } catch {
    // It is counted.
  }
  ms.push(performance.now() - from);
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchAttackWork();
