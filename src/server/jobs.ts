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
import { TimedJobs } from "../service/changes/timed-jobs.js";
import { tellExpiringTokens } from "../service/tokens/token-events.js";
import { TrustEndsLog } from "./trust-ends.js";
import type { ChangeFeed } from "../store/change-feed.js";
import type { Store } from "../store/store.js";

/** The services and the store that jobs work on. */
export interface JobContext {
  readonly services: Pick<Services, "audit" | "changes" | "nodes" | "runtimes" | "tokens" | "webhooks">;
  readonly store: Store;
  /** Null where no other process uses the database. */
  readonly feed: Pick<ChangeFeed, "nodeId"> | null;
  readonly clock: Clock;
  readonly config: Pick<Config, "webhookRetentionDays">;
  readonly log: Logger;
}

/** So often a node looks whether a job of the database is due: another one that did it may have died. */
const LOOK_MS = 60_000;

/** The jobs of a server whose database can be written. */
export function databaseJobs(context: JobContext): readonly Job[] {
  const { store, feed, clock } = context;
  const shared = jobsOfDatabase(context);
  if (feed === null) return [...jobsOfNode(context), ...shared];
  const timed = new TimedJobs({ store, clock, nodeId: feed.nodeId });
  return [...jobsOfNode(context), ...shared.map((job) => onOneNode(job, timed))];
}

/** What this process gathered, holds or tells: each node does it for itself. */
function jobsOfNode({ services, store, log }: JobContext): readonly Job[] {
  const { audit, nodes, runtimes, tokens, webhooks } = services;
  return [
    { name: "runtime reports", everyMs: 1_000, waitsForDisk: true, run: () => runtimes.instances.flush() },
    { name: "runtime presence", everyMs: 60_000, waitsForDisk: true, run: () => runtimes.instances.renewPresence() },
    { name: "token use", everyMs: 10_000, waitsForDisk: true, run: () => tokens.use.flush() },
    { name: "console sessions", everyMs: 10_000, waitsForDisk: true, run: () => tokens.consoleSessions.flush() },
    { name: "console streams", everyMs: 10_000, run: () => tokens.consoleSessions.endStreams() },
    { name: "refusals", everyMs: 15_000, waitsForDisk: true, run: () => audit.refusals.flush() },
    { name: "webhook claims", everyMs: 5_000, run: () => webhooks.dispatcher.keepUp() },
    { name: "webhook counts", everyMs: 60_000, run: () => logWebhooks(webhooks.counts, store, log) },
    { name: "audit tiles", everyMs: 5_000, run: (signal) => audit.auditTiles.makeDue(signal) },
    { name: "node", everyMs: NODE_TELLS_SECONDS * 1_000, run: () => nodes.nodes.tell() },
  ];
}

/** Work on the database that is done once for all nodes. */
interface DatabaseJob extends Job {
  /** Whether there is something to do; without it there always may be. Cheaper than a claim. */
  readonly hasWork?: () => Promise<boolean>;
}

/** What any process may do for all; harmless when two do it at once. */
function jobsOfDatabase({ services, store, clock, config, log }: JobContext): readonly DatabaseJob[] {
  const { audit, changes, tokens } = services;
  const removeOld = (signal: AbortSignal) =>
    removeOldEvents(store, addSeconds(instantOf(clock.now()), -config.webhookRetentionDays * 86_400), signal);
  const ends = new TrustEndsLog({ read: store.read, clock, log });
  const expiring = { store, clock, outbox: changes.outbox };
  return [
    {
      ...{ name: "audit log", everyMs: 10_000, hasWork: async () => !audit.auditTiles.isSwept },
      run: (signal) => audit.auditTiles.sweep(signal),
    },
    { name: "idempotency keys", everyMs: 600_000, run: (signal) => changes.idempotency.prune(signal) },
    {
      ...{ name: "ended console sessions", everyMs: 600_000 },
      run: (signal) => tokens.consoleSessions.prune(signal),
    },
    { name: "token expiry", everyMs: 600_000, run: (signal) => tellExpiringTokens(expiring, signal) },
    { name: "trust expiry", everyMs: 3_600_000, run: () => ends.tell() },
    { name: "old webhook events", everyMs: 600_000, run: removeOld },
    {
      ...{ name: "deletions", everyMs: 5_000, hasWork: () => store.read.hasDeleted() },
      run: (signal) => removeDeleted(store, signal),
    },
  ];
}

function onOneNode({ hasWork, ...job }: DatabaseJob, timed: TimedJobs): Job {
  const { name, everyMs } = job;
  return {
    ...job,
    everyMs: Math.min(everyMs, LOOK_MS),
    async run(signal) {
      if (hasWork !== undefined && !(await hasWork())) return;
      await timed.runIfDue(name, everyMs, (aborted) => job.run(aborted), signal);
    },
  };
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
    "console sessions": () => tokens.consoleSessions.flush(),
    refusals: () => audit.refusals.flush(true),
  };
  for (const [what, write] of Object.entries(gathered)) {
    await write().catch((error: unknown) => log.warn({ err: error, what }, "statistics gathered in memory are lost"));
  }
}
