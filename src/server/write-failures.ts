import type { Logger } from "pino";
import { AppError } from "../core/error.js";
import type { Store } from "../store/store.js";

/** How often `look` is to be called. */
export const LOOK_EVERY_MS = 10_000;

/**
 * Says once why the database cannot be written to, and once that it can again: a full disk fails every request and every chore, and
 * a line for each would fill the disk that the log is on.
 */
export class WriteFailures {
  /** How often each cause was met since it began: SQLite's or the system's code, else the text. */
  readonly #counts = new Map<string, number>();
  readonly #told = new WeakSet<Error>();
  #failedSinceLook = false;
  #wroteSinceLook = false;

  constructor(private readonly log: Pick<Logger, "error" | "info">) {}

  /** The same store; what it cannot write is told here. */
  watch(store: Store): Store {
    return {
      read: store.read,
      write: async (work) => {
        try {
          const answer = await store.write(work);
          this.wrote();
          return answer;
        } catch (error) {
          this.failed(error);
          throw error;
        }
      },
      ping: () => store.ping(),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }

  /** Counts a failure of the database (`unavailable`), and logs the first of its cause. Any other error is the work's own. */
  failed(error: unknown): void {
    if (!(error instanceof AppError) || error.code !== "unavailable") return;
    this.#failedSinceLook = true;
    this.#told.add(error);
    const cause = causeOf(error);
    const count = this.#counts.get(cause) ?? 0;
    this.#counts.set(cause, count + 1);
    if (count === 0) {
      const text = `${error.message}: changes fail; this is not logged again before it is over`;
      this.log.error({ cause, err: error.cause ?? error }, text);
    }
  }

  wrote(): void {
    this.#wroteSinceLook = true;
  }

  /** Whether `failed` got this error, so that nobody else has to log it. */
  hasTold(error: unknown): boolean {
    return error instanceof Error && this.#told.has(error);
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
