import type { Logger } from "pino";

/** Work that the server repeats on its own. */
export interface Job {
  readonly name: string;
  readonly everyMs: number;
  /** Writes statistics, which wait in memory while the disk is full: what is left of it is for changes that make room. */
  readonly waitsForDisk?: true;
  /** Ends early when the signal aborts: the server stops. */
  run(signal: AbortSignal): Promise<void>;
}

/** Runs jobs at their intervals, none twice at once. A failed job is logged, unless the database's failure was, and runs again. */
export class JobRunner implements AsyncDisposable {
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #stopping = new AbortController();

  constructor(
    private readonly log: Pick<Logger, "error">,
    /** Knows the failures of the database, which are logged already. */
    private readonly failures: { hasTold(error: unknown): boolean },
    private readonly isDiskFull: () => boolean = () => false,
  ) {}

  /** The first run of each job is one interval from now. */
  start(jobs: readonly Job[]): void {
    for (const job of jobs) this.#timers.push(setInterval(() => this.#run(job), job.everyMs).unref());
  }

  /** Starts no job any more, and waits for those that run to end early. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#stopping.abort();
    await Promise.all(this.#running.values());
  }

  #run(job: Job): void {
    if (this.#running.has(job.name) || (job.waitsForDisk === true && this.isDiskFull())) return;
    const run = job
      .run(this.#stopping.signal)
      .catch((error: unknown) => {
        if (!this.failures.hasTold(error)) this.log.error({ err: error, job: job.name }, "a job failed");
      })
      .finally(() => this.#running.delete(job.name));
    this.#running.set(job.name, run);
  }
}
