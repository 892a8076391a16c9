import { statSync } from "node:fs";
import { join } from "node:path";
import { fine, problem, warning } from "../../core/finding.js";
import { formatBytes } from "../../core/printable.js";
import { AppError } from "../../core/error.js";
import { startThread } from "../../service/documents/start-thread.js";
import { checkIntegrity } from "../../store/sqlite/integrity.js";
import { type Check } from "./check.js";

/** How long the check of the database may take, and the full one. */
const QUICK_MS = 20_000;
const FULL_MS = 1_800_000;
/** After a checkpoint the log is cut back to 64 MiB: one that is larger is not moved into the database file. */
const MAX_LOG_BYTES = 256 * 1024 * 1024;

/** Whether SQLite finds the database sound. */
export const DATABASE: Check = {
  id: "database",
  async run({ database, full: isFull, doubt }) {
    if (database === null) return [];
    const signal = AbortSignal.timeout(isFull ? FULL_MS : QUICK_MS);
    const start = (workerData: unknown) => startThread("integrity", { workerData });
    const findings = [];
    if (doubt !== null) findings.push(problem("database", doubt, "see docs/operate.md, “When changes are missing”"));
    try {
      const problems = await checkIntegrity(start, { options: database, isFull }, signal);
      const [first] = problems;
      if (first === undefined) {
        const how = isFull ? "pages, indexes and references are sound" : "its structure is sound";
        return [...findings, fine("database", how)];
      }
      const text = `the database is damaged: ${first}${problems.length > 1 ? `, and ${problems.length - 1} more` : ""}`;
      return [
        ...findings,
        problem("database", text, "stop the server, keep a copy of the files, and restore a backup"),
      ];
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "timeout") throw error;
      const late = `the check took more than ${(isFull ? FULL_MS : QUICK_MS) / 1000} s`;
      return [
        ...findings,
        warning("database", late, "run signet doctor --data DIR --full on a copy, or at a quiet time"),
      ];
    }
  },
};

/** Whether the write-ahead log is moved into the database file. */
export const LOG: Check = {
  id: "write-ahead-log",
  async run({ directory }) {
    const bytes = statSync(join(directory, "signet.db-wal"), { throwIfNoEntry: false })?.size ?? 0;
    const text = `the write-ahead log has ${formatBytes(bytes)}`;
    if (bytes <= MAX_LOG_BYTES) return [fine("write-ahead-log", text)];
    const remedy = "end programs that keep the database open (sqlite3 shells, copies), then restart the server";
    return [warning("write-ahead-log", text, remedy)];
  },
};
