import type { Instant } from "../core/clock.js";
import type { ConsoleSession } from "../core/console/console-session.js";

/** Look-ups of sessions of the console, over or not. */
export interface ConsoleSessionReader {
  /** By the SHA-256 of its id. */
  consoleSession(hash: string): Promise<ConsoleSession | null>;
  /** Those that are there; at most 500 hashes. */
  consoleSessionsNamed(hashes: readonly string[]): Promise<readonly ConsoleSession[]>;
}

/** Changes of sessions of the console. */
export interface ConsoleSessionWriter extends ConsoleSessionReader {
  insertConsoleSession(session: ConsoleSession): Promise<void>;
  /** Deletes the sessions of a token but for the `keep` last seen. Returns how many. */
  limitConsoleSessions(tokenId: number, keep: number): Promise<number>;
  /** Never moves the last use of a session back. */
  touchConsoleSession(hash: string, at: Instant): Promise<void>;
  deleteConsoleSession(session: Pick<ConsoleSession, "hash" | "tokenId">): Promise<void>;
  /** Deletes at most `limit` of the sessions that ended before an instant. Returns how many. */
  deleteConsoleSessions(endedBefore: Instant, limit: number): Promise<number>;
}
