/**
 * Measures runtimes of the SDK: `node dist/bench/runtimes.js` after the build. A thousand of them in one process behind a proxy that cuts
 * every second for five minutes; then the online keys change under them, with an overlap, and without one after a seizure. Says what it
 * measured: heap, lost connections, refusals, and whether all have the newest.
 *
 * RUNTIMES and SECONDS in the environment change a run.
 */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { numberFrom, rounded } from "./figures.js";
import { machineLine } from "./process-use.js";
import { cutAgainAndAgain, recoverFromSeizure, rotateWithOverlap, type RotationFigures } from "./runtimes/runs.js";
import type { ServerStart } from "./runtimes/site.js";
import { BENCH_TOKEN, SignetProcess } from "./signet-process.js";

const BY: ServerStart = {
  token: BENCH_TOKEN,
  async start(directory) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const server = await SignetProcess.start(directory);
    return { url: server.started.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
};

/** Runs the whole benchmark and prints its tables. */
export async function benchRuntimes(): Promise<void> {
  const runtimes = numberFrom("RUNTIMES", 1_000);
  const seconds = numberFrom("SECONDS", 300);
  const backoff = { baseMs: 10_000, maxMs: 60_000, random: Math.random };
  console.log(machineLine());
  const size = { runtimes, backoff };
  const cut = await cutAgainAndAgain(BY, size, { seconds, cutMs: 1_000, measuresHeap: true });
  console.log(`\n${runtimes} runtimes behind a proxy that cuts every second for ${seconds} s\n`);
  console.table({
    ...{ cuts: cut.cuts, publishes: cut.publishes, "connections to the proxy": cut.connections },
    ...{ "lost connections each, mean": rounded(cut.meanWaits), most: cut.mostWaits, refused: cut.refusals },
    "last cut until all have the newest, ms": rounded(cut.allNewestMs),
  });
  console.log(`\nHeap in MiB, at equal times: ${cut.heapMib.join(" ")}`);
  const quick = { runtimes, backoff: { ...backoff, baseMs: 1_000 } };
  const rows: Record<string, RotationFigures> = {
    "with an overlap": await rotateWithOverlap(BY, quick),
    "after a seizure": await recoverFromSeizure(BY, quick),
  };
  console.log(`\nThe online keys change under ${runtimes} runtimes\n`);
  for (const [name, { reached, refusals, slowestMs, sequences }] of Object.entries(rows)) {
    console.log(
      `${name}: ${reached} of ${runtimes} had every change, ${refusals} refused, slowest ${rounded(slowestMs)} ms; sequences ${sequences.join(" ")}`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchRuntimes();
