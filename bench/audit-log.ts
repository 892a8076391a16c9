/**
 * Measures the log over the audit: `node dist/bench/main.js audit-log` after the build. Takes over a long chain of before, proves events of
 * it, and appends events with and without the log.
 *
 * EVENTS, PROOFS, APPENDS and ROUNDS in the environment make a run smaller.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "../src/core/clock.js";
import { openDataDirectory, type DataDirectory } from "../src/server/database/data-directory.js";
import { createAudit } from "../src/service/audit/audit.js";
import { AuditLog } from "../src/service/audit/log/audit-log.js";
import { AuditTrees } from "../src/service/audit/log/audit-trees.js";
import { TileJobs } from "../src/service/audit/log/tile-jobs.js";
import { KeyRing } from "../src/service/keys/key-ring.js";
import { median, numberFrom, quantile, rounded } from "./figures.js";
import { machineLine } from "./process-use.js";
import { seedSignedAudit } from "./seed-audit.js";
import { SignetProcess } from "./signet-process.js";

const CLIENTS = 8;
/** As the server's job, but more often: a round is short. */
const TILES_EVERY_MS = 500;
const CHECKPOINT_EVERY_MS = 100;

/** Runs the whole benchmark and prints its tables. */
export async function benchAuditLog(): Promise<void> {
  const events = numberFrom("EVENTS", 1_000_000);
  console.log(machineLine());
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  try {
    await (await SignetProcess.start(directory))[Symbol.asyncDispose]();
    const from = performance.now();
    await seedSignedAudit(directory, events);
    console.log(`seeded in ${rounded((performance.now() - from) / 1000)} s`);
    const path = {
      path: directory,
      signingKey: null,
      synchronous: "full",
      create: false,
      nativeDirectory: null,
    } as const;
    await using data = await openDataDirectory(path);
    const orgId = (await data.store.read.operatorOrganization())?.id ?? "";
    const parts = partsOf(data);
    await takeOver(parts, orgId);
    await prove(parts, orgId);
    await append(data, parts, orgId);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function partsOf({ store, keys }: DataDirectory) {
  const ring = new KeyRing({ store, keys });
  const trees = new AuditTrees({ store, onProgress: () => undefined, onLost: async () => undefined });
  return { store, ring, trees, log: new AuditLog({ store, trees, signer: keys.audit, ring }) };
}
type Parts = ReturnType<typeof partsOf>;

async function takeOver({ store, trees }: Parts, orgId: string): Promise<void> {
  const events = (await store.read.auditHead(orgId))?.id ?? 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  const from = performance.now();
  delay.enable();
  await trees.makeTiles(orgId);
  delay.disable();
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  console.log("\nTake-over of a chain\n");
  console.table({
    events,
    seconds: rounded(seconds),
    "events a second": Math.round(events / seconds),
    "CPU of 1,000 events, ms": rounded((user + system) / events, 2),
    "longest hold-up of the event loop, ms": rounded(delay.max / 1e6),
    "its 99th percentile, ms": rounded(delay.percentile(99) / 1e6),
  });
}

async function prove({ store, log }: Parts, orgId: string): Promise<void> {
  const proofs = numberFrom("PROOFS", 1_000);
  const size = (await store.read.auditHead(orgId))?.id ?? 0;
  const numbers = Array.from({ length: proofs }, () => 1 + Math.floor(Math.random() * size));
  const timesOf = async (work: (number: number) => Promise<unknown>) => {
    const times: number[] = [];
    for (const number of numbers) {
      const from = performance.now();
      await work(number);
      times.push(performance.now() - from);
    }
    return { "median, ms": rounded(median(times), 2), "99th percentile, ms": rounded(quantile(times, 0.99), 2) };
  };
  const first = performance.now();
  await log.checkpoint(orgId);
  console.log(`\nFirst checkpoint: ${rounded(performance.now() - first)} ms\n`);
  console.table({
    checkpoint: await timesOf(() => log.checkpoint(orgId)),
    "inclusion of an event": await timesOf((eventId) => log.inclusion(orgId, { eventId })),
    "inclusion in an earlier size": await timesOf((n) => log.inclusion(orgId, { eventId: Math.ceil(n / 2) }, n)),
    "consistency with an earlier size": await timesOf((older) => log.consistency(orgId, older)),
  });
}

/** Rounds in turn: the database grows. */
async function append({ store, keys }: DataDirectory, { ring, trees, log }: Parts, orgId: string): Promise<void> {
  const appends = numberFrom("APPENDS", 5_000);
  const rounds = numberFrom("ROUNDS", 5);
  const jobs = new TileJobs({ store, trees });
  const deps = { store, clock: systemClock, signer: keys.audit, ring };
  const bare = createAudit(deps);
  const logged = createAudit({ ...deps, onRecorded: (id, eventId) => jobs.recorded(id, eventId) });
  const rates = { bare: [] as number[], logged: [] as number[] };
  const cpu = { bare: [] as number[], logged: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const kind of ["bare", "logged"] as const) {
      const audit = kind === "bare" ? bare : logged;
      const stopping = new AbortController();
      const others =
        kind === "bare"
          ? []
          : [
              repeated(TILES_EVERY_MS, stopping.signal, () => jobs.makeDue(stopping.signal)),
              repeated(CHECKPOINT_EVERY_MS, stopping.signal, async () => void (await log.checkpoint(orgId))),
            ];
      const used = process.cpuUsage();
      const from = performance.now();
      let left = appends;
      const client = async () => {
        for (; left > 0;) {
          left -= 1;
          const entry = {
            action: "bundle.published",
            resourceType: "bundle",
            resourceId: `${left}`,
            metadata: { left },
          };
          await store.write(async (tx) => await audit.record(tx, orgId, "system", entry));
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      const ms = performance.now() - from;
      stopping.abort();
      await Promise.all(others);
      const { user, system } = process.cpuUsage(used);
      // The first round warms up.
      if (round === 0) continue;
      rates[kind].push((appends / ms) * 1000);
      cpu[kind].push((user + system) / appends);
    }
  }
  const row = (kind: keyof typeof rates) => ({
    "events a second": Math.round(median(rates[kind])),
    "CPU of an event, µs": Math.round(median(cpu[kind])),
  });
  console.log(`\nDurable events, ${CLIENTS} at once, medians of ${rounds} rounds of ${appends}\n`);
  console.table({
    "without the log": row("bare"),
    "with it, its tiles, and 10 checkpoints a second": row("logged"),
  });
}

async function repeated(everyMs: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
