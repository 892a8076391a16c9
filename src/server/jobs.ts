import type { Logger } from "pino";
import type { Polls } from "../api/poll/polls.js";
import type { Services } from "./assemble.js";
import type { Config } from "../config/config.js";
import { addSeconds, instantOf } from "../core/clock.js";
import type { DataDirectory } from "./data-directory.js";
import { tellExpiringTokens } from "../service/tokens/token-events.js";
import type { Store } from "../store/store.js";
import type { Job } from "./job.js";

/** What a server does again and again on its own. Not for a database that is only read. */
export function jobsOf(services: Services, { store }: DataDirectory, config: Config, log: Logger): readonly Job[] {
  const { clock, outbox } = services;
  const prune = async () => {
    const before = addSeconds(instantOf(clock.now()), -config.webhookRetentionDays * 86_400);
    while ((await store.write((tx) => tx.deleteDeliveries(before))) > 0);
  };
  return [
    { name: "runtime reports", everyMs: 1_000, run: () => services.instances.flush() },
    { name: "token use", everyMs: 10_000, run: () => services.use.flush() },
    { name: "refusals", everyMs: 15_000, run: () => services.refusals.flush() },
    { name: "idempotency keys", everyMs: 600_000, run: () => services.idempotency.prune() },
    { name: "token expiry", everyMs: 600_000, run: () => tellExpiringTokens({ store, clock, outbox }) },
    { name: "webhook counts", everyMs: 60_000, run: () => logWebhooks(services, store, log) },
    { name: "old webhook events", everyMs: 600_000, run: prune },
  ];
}

/** In place of a line for each poll that was answered from memory (docs/operate.md, "Logs"). */
export function countPolls(polls: Polls | null, log: Logger): Job {
  const run = async () => {
    const { ok, notModified } = polls?.takeCounts() ?? { ok: 0, notModified: 0 };
    if (ok + notModified > 0) log.info({ ok, notModified }, "polls");
  };
  return { name: "poll counts", everyMs: 60_000, run };
}

/** For who watches logs: tries of this process, and what waits in the database. */
async function logWebhooks({ webhookCounts }: Services, store: Store, log: Logger): Promise<void> {
  const { pending, oldestPendingAt } = await store.read.pendingDeliveries();
  const { delivered, failed } = webhookCounts;
  if (delivered + failed + pending > 0) log.info({ delivered, failed, pending, oldestPendingAt }, "webhooks");
}

/** What is gathered in memory belongs into the database before it closes. When it cannot be written, the log says so. */
export async function flush({ instances, use, refusals }: Services, log: Logger): Promise<void> {
  const gathered = {
    "runtime reports": () => instances.flush(),
    "token use": () => use.flush(),
    refusals: () => refusals.flush(true),
  };
  for (const [what, write] of Object.entries(gathered)) {
    await write().catch((error: unknown) => log.warn({ err: error, what }, "what was gathered in memory is lost"));
  }
}
