import { availableParallelism } from "node:os";
import { AppError } from "../../core/error.js";
import { FairScheduler, type FairSchedulerOptions, type WorkOwner } from "../../core/schedule/fair-scheduler.js";
import { DocumentThread, type DocumentThreadOptions, type ThreadTask } from "./document-thread.js";

/** The event loop needs a core of its own. */
const MAX_WORKERS = Math.max(1, Math.min(4, availableParallelism() - 1));
/** Documents that wait for a thread; each may have the size of the largest request. */
export const MAX_WAITING = 64;
/** The refusal of a document when too many wait. */
export const TOO_MANY_DOCUMENTS = { message: "too many large documents at once", reason: "too_many_documents" };
/** A thread keeps the memory of the largest document that it had: it ends when there was nothing to do for so long. */
const MAX_IDLE_MS = 10_000;

/** The caller for whom a document is worked on. When `signal` aborts, it waits no more. */
export interface DocumentOwner extends WorkOwner {
  readonly signal?: AbortSignal;
}

/** A few threads that are started when there is something to do, shared fairly by those for whom they work. */
export class DocumentWorkers implements AsyncDisposable {
  readonly #scheduler: FairScheduler;
  readonly #threads = new Set<DocumentThread>();
  readonly #idle = new Map<DocumentThread, NodeJS.Timeout>();
  #closed = false;

  constructor(
    private readonly options: DocumentThreadOptions,
    limits: FairSchedulerOptions = { concurrency: MAX_WORKERS, maxWaiting: MAX_WAITING, refusal: TOO_MANY_DOCUMENTS },
  ) {
    this.#scheduler = new FairScheduler(limits);
  }

  /**
   * Throws `unavailable` when too many wait already or the pool is closed, `too_large` (of YAML and schemas `invalid`) for a task that takes too long or too much memory,
   * `internal` when the thread ends at its work, and the signal's reason.
   */
  async run(task: ThreadTask, owner: DocumentOwner): Promise<unknown> {
    if (this.#closed) throw shuttingDown();
    using _lease = await this.#scheduler.acquire(owner, owner.signal);
    const thread = this.#takeIdle() ?? this.#start();
    try {
      return await thread.run(task, owner.signal);
    } finally {
      this.#finished(thread);
    }
  }

  /** Ends the threads; what they had to do is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#scheduler.refuseAll(shuttingDown());
    await Promise.all([...this.#threads].map((thread) => thread[Symbol.asyncDispose]()));
  }

  #takeIdle(): DocumentThread | undefined {
    for (const [thread, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(thread);
      return thread;
    }
    return undefined;
  }

  #start(): DocumentThread {
    // One that waited for its lease when the pool was closed.
    if (this.#closed) throw shuttingDown();
    const thread: DocumentThread = new DocumentThread(this.options, () => {
      this.#threads.delete(thread);
      clearTimeout(this.#idle.get(thread));
      this.#idle.delete(thread);
    });
    this.#threads.add(thread);
    return thread;
  }

  #finished(thread: DocumentThread): void {
    // It was ended at its work.
    if (!this.#threads.has(thread)) return;
    const end = () => void thread[Symbol.asyncDispose]();
    this.#idle.set(thread, setTimeout(end, MAX_IDLE_MS).unref());
  }
}

function shuttingDown(): AppError {
  return new AppError("unavailable", "the server is shutting down");
}
