import type { Logger } from "pino";
import type { WriteFailures } from "./write-failures.js";

/** Work that is done again and again beside the requests. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  run(): Promise<void>;
}

/**
 * Runs each chore at its interval, never twice at once. A failure is logged, unless it was told as one of the database, and the chore
 * comes round again.
 */
export function startJobs(
  chores: readonly Job[],
  log: Logger,
  failures: Pick<WriteFailures, "hasTold">,
): AsyncDisposable {
  const running = new Set<Promise<void>>();
  const busy = new Set<string>();
  const start = (chore: Job) => {
    if (busy.has(chore.name)) return;
    busy.add(chore.name);
    const run = chore
      .run()
      .catch((error: unknown) => {
        if (!failures.hasTold(error)) log.error({ err: error, chore: chore.name }, "upkeep failed");
      })
      .finally(() => {
        busy.delete(chore.name);
        running.delete(run);
      });
    running.add(run);
  };
  const timers = chores.map((chore) => setInterval(() => start(chore), chore.everyMs).unref());
  return {
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running);
    },
  };
}
