import type { Worker } from "node:worker_threads";
import { AppError } from "../../core/error.js";
import type { SqliteOptions } from "./connect.js";

/** What a check of the database is started with, as the `workerData` of integrity-thread.ts. */
export interface IntegrityTask {
  readonly options: SqliteOptions;
  /** Indexes and foreign keys too. */
  readonly isFull: boolean;
}

/** What the thread tells once. */
export type IntegrityAnswer = { readonly problems: readonly string[] } | { readonly failure: string };

/** Starts the thread whose entry is integrity-thread.ts. */
export type StartIntegrityThread = (workerData: IntegrityTask) => Worker;

/**
 * Checks a database, which may be in use, in a thread with a connection of its own. Resolves with the first problems; none for a sound
 * one. Throws `timeout` when the signal aborts first, and `unavailable` when the database cannot be read.
 */
export async function checkIntegrity(
  start: StartIntegrityThread,
  task: IntegrityTask,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const worker = start(task);
  worker.unref();
  const end = () => void worker.terminate();
  signal.addEventListener("abort", end, { once: true });
  try {
    const answer = await new Promise<IntegrityAnswer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      // SQLite cannot be interrupted from here: the caller does not wait for the thread to notice.
      const late = () => reject(new AppError("timeout", "the check of the database was not finished in time"));
      if (signal.aborted) late();
      signal.addEventListener("abort", late, { once: true });
      worker.once("exit", () => reject(new AppError("unavailable", "the check of the database ended by itself")));
    });
    if ("failure" in answer) throw new AppError("unavailable", answer.failure);
    return answer.problems;
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}
