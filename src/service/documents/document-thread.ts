import type { Worker } from "node:worker_threads";
import { AppError, invalidField } from "../../core/error.js";
import { answerOf, type Outcome } from "./document-outcome.js";
import type { DocumentTask, YamlTask } from "./document-tasks.js";
import type { SchemaTask } from "./schema-tasks.js";
import { startThread, type THREADS } from "./start-thread.js";

/** What a thread is sent. */
export type ThreadTask = DocumentTask | YamlTask | SchemaTask;

/** Bounds of one thread and its tasks. */
export interface DocumentThreadOptions {
  /** A task that takes longer is refused, and its thread is replaced. On a busy machine the largest document takes half a minute. */
  readonly timeoutMs: number;
  /** The same for a diff, which is a read and has less time. */
  readonly diffTimeoutMs: number;
  /** Heap of one thread, in MiB; a task that needs more is refused. `--max-old-space-size` goes before it. */
  readonly maxHeapMib: number;
  /** The code that it runs; that of documents by default. */
  readonly thread?: keyof typeof THREADS;
}

interface Job {
  readonly task: ThreadTask;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/** A thread that works on one document after another. What it does cannot be interrupted but by its end. */
export class DocumentThread implements AsyncDisposable {
  readonly #worker: Worker;
  #job: Job | null = null;
  #isOver = false;

  /** `onEnd` is called once, when it takes no more tasks. */
  constructor(
    private readonly options: DocumentThreadOptions,
    private readonly onEnd: () => void,
  ) {
    this.#worker = startThread(options.thread ?? "documents", {
      resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMib },
    });
    this.#worker.on("message", (outcome: Outcome) => this.#finished(outcome));
    this.#worker.on("error", (cause) => this.#lost(cause));
    this.#worker.on("exit", () => this.#lost(undefined));
  }

  /**
   * Rejects with what refuses the task; with `too_large` when it takes too long or too much memory, `internal` when the thread fails, and
   * the signal's reason. Of these the thread ends.
   */
  async run(task: ThreadTask, signal: AbortSignal | undefined): Promise<unknown> {
    signal?.throwIfAborted();
    const timeoutMs = timeoutOf(task, this.options);
    const seconds = Number((timeoutMs / 1000).toPrecision(2));
    const overrun = setTimeout(() => this.#end(tooCostly(task, `longer than ${seconds} seconds`)), timeoutMs);
    const onAbort = () => this.#end(signal?.reason as Error);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#job = { task, resolve, reject };
        // While it works it keeps the process alive, as any request does.
        this.#worker.ref();
        this.#worker.postMessage(task);
      });
    } finally {
      clearTimeout(overrun);
      signal?.removeEventListener("abort", onAbort);
      this.#worker.unref();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new AppError("unavailable", "the server is shutting down"));
    await this.#worker.terminate();
  }

  #finished(outcome: Outcome): void {
    const job = this.#job;
    this.#job = null;
    try {
      job?.resolve(answerOf(outcome));
    } catch (error) {
      job?.reject(error as Error);
    }
  }

  #lost(cause: unknown): void {
    const task = this.#job?.task;
    const isOutOfMemory = cause instanceof Error && "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
    if (isOutOfMemory && task !== undefined) this.#end(tooCostly(task, "more memory than the server has for one"));
    else this.#end(new AppError("internal", "a document could not be processed", { cause }));
  }

  #end(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onEnd();
    void this.#worker.terminate();
    this.#job?.reject(reason);
    this.#job = null;
  }
}

/** Of a check against a schema: besides its own time, what it takes to read the largest documents on a busy machine. */
const CHECK_MS_PER_MIB = 1_000;

function timeoutOf(task: ThreadTask, { timeoutMs, diffTimeoutMs }: DocumentThreadOptions): number {
  if (task.kind === "schema_check") return timeoutMs + (task.policies.length / 2 ** 20) * CHECK_MS_PER_MIB;
  return isComparison(task) ? diffTimeoutMs : timeoutMs;
}

function tooCostly(task: ThreadTask, bound: string): AppError {
  if (task.kind === "schema_compile")
    return invalidField(["schema"], `compiling it takes ${bound}: simplify it`, "too_complex");
  if (task.kind === "schema_check") {
    const msg = `checking them against the project's schema takes ${bound}: simplify its patterns and references`;
    return invalidField(["policies"], msg, "schema_too_costly");
  }
  if (task.kind === "yaml")
    return invalidField([task.field], "takes too long to read; send JSON instead", "too_complex");
  return isComparison(task)
    ? new AppError("too_large", `the comparison takes ${bound}: fetch both documents and compare them locally`, {
        reason: "diff_too_large",
      })
    : new AppError("too_large", `processing the document takes ${bound}: split it`, { reason: "document_too_costly" });
}

function isComparison({ kind }: ThreadTask): boolean {
  return kind === "diff" || kind === "compare";
}
