import type { AppErrorCode } from "../../core/error.js";

/** One thing that a connection is asked to do. The work of one caller in a shared transaction is a part of it. */
export type Step =
  | { readonly op: "query"; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly op: "begin" | "commit" | "rollback" | "begin part" | "keep part" | "undo part" }
  /** Counts commits from now on in the head file (head-file.ts), as the owner `run`. */
  | { readonly op: "keep head"; readonly run: string }
  /** Moves the log into the database file, and answers with one row, Space. While it is tight the log is then kept short. */
  | { readonly op: "reclaim"; readonly isTight: boolean }
  | { readonly op: "close" };

/** The answer of `reclaim`. */
export interface Space {
  /** Bytes in the database file that new rows can use. */
  readonly reusableBytes: number;
}

/** The result of one operation. */
export interface Answer {
  readonly rows: readonly unknown[];
  /** Of a statement that returns no rows. */
  readonly changes?: number;
  readonly lastId?: number;
}

/** The answer of an operation without rows. */
export const NO_ROWS: Answer = { rows: [] };

/**
 * One SQLite connection, in this thread or in another one. Steps are carried out in the order of the calls.
 * After `close` everything is refused with `unavailable`.
 */
export interface Channel {
  /**
   * Carries out some steps and answers with what the last one answered. The first that fails is the end of them: it rejects with its
   * AppError, and when that was not the last, everything fails in the same way until the part, or the transaction, is taken back.
   */
  run(steps: readonly Step[]): Promise<Answer>;
  /** Resolves with the reason when the connection is lost by itself: never, for one that is closed. */
  readonly lost: Promise<Error>;
}

/** An AppError on its way between threads. */
export interface Failure {
  readonly code: AppErrorCode;
  readonly message: string;
  readonly reason?: string;
  /** What the driver said, and SQLite's or the system's code for it. */
  readonly cause: { readonly message: string; readonly code?: string };
}
