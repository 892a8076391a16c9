import type { Logger } from "pino";
import { AppError } from "../core/error.js";
import { remedyFor } from "./disk/remedy.js";
import type { Job } from "./job-runner.js";
import type { Store } from "../store/store.js";

/** The job that notices when the database can be written again. */
export function watchWriteFailures(failures: Pick<WriteFailures, "look">): Job {
  return { name: "write failures", everyMs: 10_000, run: async () => failures.look() };
}

/**
 * Logs once why the database cannot be written, and once that it can again: a full disk fails every request and every job, and a line
 * for each would fill the disk that holds the log.
 */
export class WriteFailures {
  /** Failures by cause since they began: the code of SQLite or of the system, else the text. */
  readonly #counts = new Map<string, number>();
  readonly #toldErrors = new WeakSet<Error>();
  #failedSinceLook = false;
  #wroteSinceLook = false;

  /** `onFull` takes what a full disk fails with, and returns the error that callers get instead; null for any other failure. */
  constructor(
    private readonly log: Pick<Logger, "error" | "info">,
    private readonly onFull: (error: AppError) => AppError | null = () => null,
  ) {}

  /** Returns the same store; its failed writes are counted here. What fails on a full disk rejects with `onFull`'s error. */
  watch(store: Store): Store {
    return {
      read: store.read,
      write: async (work) => {
        try {
          const answer = await store.write(work);
          this.wrote();
          return answer;
        } catch (error) {
          throw this.#told(error) ?? error;
        }
      },
      ping: () => store.ping(),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }

  #told(error: unknown): AppError | null {
    const full = error instanceof AppError ? this.onFull(error) : null;
    if (full === null) this.failed(error);
    else this.#toldErrors.add(full);
    return full;
  }

  /** Counts a failure of the database (`unavailable`), and logs the first of its cause. Any other error is the work's own. */
  failed(error: unknown): void {
    if (!(error instanceof AppError) || error.code !== "unavailable") return;
    this.#failedSinceLook = true;
    this.#toldErrors.add(error);
    const cause = causeOf(error);
    const count = this.#counts.get(cause) ?? 0;
    this.#counts.set(cause, count + 1);
    if (count === 0) {
      const remedy = remedyFor(error);
      const text = `${error.message}: changes fail; this is not logged again before it is over`;
      this.log.error({ cause, err: error.cause ?? error }, remedy === null ? text : `${text}; ${remedy}`);
    }
  }

  /** Notes a change that was written. */
  wrote(): void {
    this.#wroteSinceLook = true;
  }

  /**
   * Whether this error need not be logged again: `failed` counted it, or one of the same cause that is not over. The latter are failed
   * reads: while PostgreSQL is away, each job fails at each of its runs.
   */
  hasTold(error: unknown): boolean {
    if (!(error instanceof Error)) return false;
    if (this.#toldErrors.has(error)) return true;
    return error instanceof AppError && error.code === "unavailable" && this.#counts.has(causeOf(error));
  }

  /** Logs that it is over when changes were written since the last look and none failed: on a disk that is nearly full some of both do. */
  look(): void {
    const isOver = this.#wroteSinceLook && !this.#failedSinceLook;
    this.#wroteSinceLook = this.#failedSinceLook = false;
    if (!isOver || this.#counts.size === 0) return;
    this.log.info({ failures: Object.fromEntries(this.#counts) }, "the database is written to again");
    this.#counts.clear();
  }
}

function causeOf({ cause, message }: AppError): string {
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : message;
}
