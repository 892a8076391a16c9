import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { AppError } from "../core/error.js";
import { answerOf, type Outcome } from "./document-outcome.js";
import type { DocumentTask } from "./document-tasks.js";
import { startThread } from "./start-thread.js";

/** The event loop needs a core of its own. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1));
/** Documents that wait for a thread; each may have the size of the largest request. */
const MAX_WAITING = 32;
/** A thread keeps the memory of the largest document that it had: it ends when there was nothing to do for so long. */
const MAX_IDLE_MS = 30_000;

interface Job {
  readonly task: DocumentTask;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** A few threads that are started when there is something to do. */
export class DocumentWorkers implements AsyncDisposable {
  readonly #waiting: Job[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  #closed = false;

  /** Throws `unavailable` when too many wait already or the pool is closed, `internal` when the thread ends at its work. */
  run(task: DocumentTask): Promise<unknown> {
    if (this.#closed) return Promise.reject(new AppError("unavailable", "the server is shutting down"));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(new AppError("unavailable", "too many large documents at once", { retryAfterSeconds: 1 }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    });
  }

  /** Ends the threads; what they had to do is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const workers = [...this.#busy.keys(), ...this.#idle.keys()];
    for (const { reject } of this.#waiting.splice(0))
      reject(new AppError("unavailable", "the server is shutting down"));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#closed) return;
    const worker = this.#takeIdle() ?? (this.#busy.size < MAX_WORKERS ? this.#start() : undefined);
    if (worker === undefined) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#busy.set(worker, job);
    // While it works it keeps the process alive, as any request does.
    worker.ref();
    worker.postMessage(job.task);
  }

  #takeIdle(): Worker | undefined {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      return worker;
    }
    return undefined;
  }

  #start(): Worker {
    const worker = startThread("documents");
    worker.on("message", (outcome: Outcome) => this.#finished(worker, outcome));
    worker.on("error", (cause) => this.#lost(worker, cause));
    worker.on("exit", () => this.#lost(worker, undefined));
    return worker;
  }

  #finished(worker: Worker, outcome: Outcome): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    worker.unref();
    this.#idle.set(worker, setTimeout(() => this.#end(worker), MAX_IDLE_MS).unref());
    this.#next();
    if (job === undefined) return;
    try {
      job.resolve(answerOf(outcome));
    } catch (error) {
      job.reject(error);
    }
  }

  #end(worker: Worker): void {
    this.#idle.delete(worker);
    void worker.terminate();
  }

  /** A document can need more memory than a thread may have. */
  #lost(worker: Worker, cause: unknown): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    job?.reject(new AppError("internal", "a document could not be processed", { cause }));
    this.#next();
  }
}
