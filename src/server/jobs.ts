import type { Logger } from "pino";
import type { Polls } from "../api/poll/polls.js";
import type { Services } from "./compose/services.js";
import type { Config } from "../config/config.js";
import { addSeconds, instantOf, type Clock } from "../core/clock.js";
import { NODE_TELLS_SECONDS } from "../core/cluster/server-node.js";
import type { DatabaseGrowth } from "./disk/growth.js";
import type { DiskWatch } from "./disk/disk-watch.js";
import type { Job } from "./job-runner.js";
import { removeDeleted, removeOldEvents } from "../service/changes/deletions.js";
import { tellExpiringTokens } from "../service/tokens/token-events.js";
import type { Store } from "../store/store.js";

/** The services and the store that jobs work on. */
export interface JobContext {
  readonly services: Pick<Services, "audit" | "changes" | "nodes" | "runtimes" | "tokens" | "webhooks">;
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Pick<Config, "webhookRetentionDays">;
  readonly log: Logger;
}

/** The jobs of a server whose database can be written. */
export function databaseJobs({ services, store, clock, config, log }: JobContext): readonly Job[] {
  const { audit, changes, nodes, runtimes, tokens, webhooks } = services;
  const removeOld = (signal: AbortSignal) =>
    removeOldEvents(store, addSeconds(instantOf(clock.now()), -config.webhookRetentionDays * 86_400), signal);
  const expiring = { store, clock, outbox: changes.outbox };
  return [
    { name: "runtime reports", everyMs: 1_000, waitsForDisk: true, run: () => runtimes.instances.flush() },
    { name: "runtime presence", everyMs: 60_000, waitsForDisk: true, run: () => runtimes.instances.renewPresence() },
    { name: "token use", everyMs: 10_000, waitsForDisk: true, run: () => tokens.use.flush() },
    { name: "refusals", everyMs: 15_000, waitsForDisk: true, run: () => audit.refusals.flush() },
    { name: "idempotency keys", everyMs: 600_000, run: (signal) => changes.idempotency.prune(signal) },
    { name: "token expiry", everyMs: 600_000, run: () => tellExpiringTokens(expiring) },
    { name: "webhook claims", everyMs: 5_000, run: () => webhooks.dispatcher.keepUp() },
    { name: "webhook counts", everyMs: 60_000, run: () => logWebhooks(webhooks.counts, store, log) },
    { name: "old webhook events", everyMs: 600_000, run: removeOld },
    { name: "node", everyMs: NODE_TELLS_SECONDS * 1_000, run: () => nodes.nodes.tell() },
    { name: "deletions", everyMs: 5_000, run: (signal) => removeDeleted(store, signal) },
  ];
}

/** Looks at the disk of the database (disk-watch.ts). */
export function watchDisk(disk: DiskWatch): Job {
  return { name: "disk", everyMs: 1_000, run: () => disk.look() };
}

/** Keeps how large the database is, for the diagnosis; the first time ten minutes after the start. */
export function sampleGrowth(growth: DatabaseGrowth, clock: Clock): Job {
  return { name: "growth", everyMs: 600_000, waitsForDisk: true, run: async () => growth.sample(clock.now()) };
}

/** Logs how many polls were answered from memory, instead of a line for each (docs/operate.md, "Logs"). */
export function countPolls(polls: Polls, log: Logger): Job {
  const run = async () => {
    const { ok, notModified } = polls.takeCounts();
    if (ok + notModified > 0) log.info({ ok, notModified }, "polls");
  };
  return { name: "poll counts", everyMs: 60_000, run };
}

/** Logs the tries of this process, and the deliveries that wait in the database. */
async function logWebhooks(counts: Services["webhooks"]["counts"], store: Store, log: Logger): Promise<void> {
  const { pending, oldestPendingAt } = await store.read.pendingDeliveries();
  const { delivered, failed } = counts;
  if (delivered + failed + pending > 0) log.info({ delivered, failed, pending, oldestPendingAt }, "webhooks");
}

/** Writes reports and counts that are held in memory, before the database closes. Never rejects: a failure is logged. */
export async function flush({ runtimes, tokens, audit }: JobContext["services"], log: Logger): Promise<void> {
  const gathered = {
    "runtime reports": () => runtimes.instances.flush(),
    "token use": () => tokens.use.flush(),
    refusals: () => audit.refusals.flush(true),
  };
  for (const [what, write] of Object.entries(gathered)) {
    await write().catch((error: unknown) => log.warn({ err: error, what }, "statistics gathered in memory are lost"));
  }
}
