/**
 * Measures a reconnect storm: `node dist/bench/storm.js` after the build. Ten thousand runtimes that have the newest bundle connect to a
 * Signet at once, each with a connection and a gRPC stream of its own; then they are fed changes, while other requests are made one
 * after the other; then all are cut off, come to a bare node:http2 server in the same way, and back. Says what it measured, and Signet's
 * ratio to the bare server.
 *
 * RUNTIMES, ROUNDS, CHANGES (in a round) and DOCUMENT_BYTES in the environment change a run; CPU_PROF=DIR profiles Signet.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BarePush } from "./bare-push.js";
import { median, now, numberFrom, rounded } from "./figures.js";
import { Prober, probeRow } from "./load/prober.js";
import { Watchers, type Failures, type WatchCall } from "./load/watchers.js";
import { cpuMsOf, machineLine, needOpenFiles, rssKibOf } from "./process-use.js";
import { SignetBench } from "./signet-bench.js";
import { BENCH_TOKEN } from "./signet-process.js";

const PROBED = ["/healthz", "/v1/whoami"] as const;
/** How long other requests are measured with the streams idle, to compare with. */
const IDLE_PROBES_MS = 2_000;
const SETTLE_MS = 1_000;
const SIGNET = "Signet";
const BARE = "bare node:http2";

interface Coming {
  readonly to: string;
  readonly firstMs: number;
  readonly allMs: number;
  readonly cpuMicros: number;
  readonly clientShare: number;
  readonly failures: number;
}

/** Who they come to. */
interface Met {
  readonly to: string;
  readonly pid: number;
  readonly call: WatchCall;
}

/** Runs the whole benchmark and prints its tables. */
export async function benchStorm(): Promise<void> {
  const runtimes = numberFrom("RUNTIMES", 10_000);
  const rounds = numberFrom("ROUNDS", 3);
  const changes = numberFrom("CHANGES", 5);
  const bytes = numberFrom("DOCUMENT_BYTES", 10 * 1024);
  needOpenFiles(runtimes + 500);
  console.log(machineLine());
  await using signet = await SignetBench.open("info");
  await using bare = await BarePush.start();
  await using watchers = await Watchers.start();
  using prober = new Prober({ url: signet.url, token: BENCH_TOKEN, paths: PROBED, keepAlive: true });
  await signet.publish(bytes);
  await prober.during(() => sleep(IDLE_PROBES_MS));
  let sequence = 1;
  const comings: Coming[] = [];
  const memory: Record<string, number> = { "before, MiB": mib(signet) };
  const idle: number[] = [];
  const fed: number[] = [];
  const took: number[] = [];
  const failed: Failures[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const call = signet.watchCall(sequence);
    comings.push(await come({ to: SIGNET, pid: signet.pid, call }, watchers, runtimes, bytes));
    await sleep(SETTLE_MS);
    memory[`${runtimes} connected, round ${round}, MiB`] = mib(signet);
    idle.push(...(await prober.during(() => sleep(IDLE_PROBES_MS))));
    for (let change = 0; change < changes; change += 1, sequence += 1) {
      fed.push(
        ...(await prober.during(async () => {
          const from = now();
          const { at, failures } = await watchers.feed(bytes, () => signet.publish(bytes));
          took.push(Math.max(...at) - from);
          failed.push(failures);
        })),
      );
    }
    memory[`fed ${changes} changes, round ${round}, MiB`] = mib(signet);
    await watchers.close();
    await sleep(SETTLE_MS);
    // What the same connections cost without anything that Signet does for them.
    comings.push(await come({ to: BARE, pid: bare.pid, call: bare.watchCall() }, watchers, runtimes, bytes));
    await watchers.close();
  }
  memory["after all are gone, MiB"] = mib(signet);
  console.log(`\n${runtimes} runtimes come at once with the newest sequence, ${rounds} times\n`);
  console.table(comings.map(comingRow));
  console.log(`\n${SIGNET} to ${BARE}, medians: ${ratioLine(comings)}`);
  console.log(`\nA change of ${bytes} bytes reaches all in ${rounded(median(took))} ms (median of ${took.length})`);
  console.log(`Streams that failed while they were fed: ${failed.reduce((sum, each) => sum + count(each), 0)}\n`);
  console.table(memory);
  console.log(`\nOther requests (${PROBED.join(", ")}), one after the other\n`);
  console.table({ "streams idle": probeRow(idle), "streams fed": probeRow(fed) });
}

/** From the first connection's start until each has its first message, which must not be the document that they have. */
async function come({ to, pid, call }: Met, watchers: Watchers, runtimes: number, bytes: number): Promise<Coming> {
  const [cpuBefore, clientBefore, from] = [cpuMsOf(pid), watchers.cpuMs, now()];
  const { at, largestBytes, failures } = await watchers.open(call, runtimes, runtimes);
  if (largestBytes >= bytes) throw new Error(`a runtime that has the newest document was sent ${largestBytes} bytes`);
  if (count(failures) > 0) console.log(to, failures);
  return {
    to,
    firstMs: Math.min(...at) - from,
    allMs: Math.max(...at) - from,
    cpuMicros: ((cpuMsOf(pid) - cpuBefore) * 1000) / runtimes,
    clientShare: (watchers.cpuMs - clientBefore) / (Math.max(...at) - from),
    failures: count(failures),
  };
}

function ratioLine(comings: readonly Coming[]): string {
  const ratio = (of: (coming: Coming) => number) => {
    const [ours, bare] = [SIGNET, BARE].map((name) => median(comings.filter(({ to }) => to === name).map(of)));
    return rounded((ours ?? NaN) / (bare ?? NaN), 2);
  };
  return `server CPU each ${ratio(({ cpuMicros }) => cpuMicros)}, until the last has its message ${ratio(({ allMs }) => allMs)}`;
}

function comingRow({ to, firstMs, allMs, cpuMicros, clientShare, failures }: Coming) {
  return {
    to,
    "first has its message, ms": rounded(firstMs),
    "last, ms": rounded(allMs),
    "server CPU each, µs": rounded(cpuMicros),
    "client's share of a core": rounded(clientShare, 2),
    failures,
  };
}

function mib({ pid }: SignetBench): number {
  return Math.round(rssKibOf(pid) / 1024);
}

function count(failures: Failures): number {
  return Object.values(failures).reduce((sum, each) => sum + each, 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchStorm();
