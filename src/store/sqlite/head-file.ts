import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Database } from "better-sqlite3";
import { AppError } from "../../core/error.js";

/** Which commit of which database is the last one. */
export interface HeadRecord {
  readonly databaseId: string;
  /** The process that may write; null when the last one ended as it should. */
  readonly run: string | null;
  readonly commits: number;
}

/** What is missing in a database. */
export interface HistoryLoss {
  /** Commits that were acknowledged and are not there; null when the file is of another database. */
  readonly commits: number | null;
  /** For a person. */
  readonly message: string;
  /** False when nothing tells: the head file is not there. */
  readonly isCertain: boolean;
}

/** The file beside a database that keeps its head. */
export function headFileOf(databaseFile: string): string {
  return databaseFile.replace(/\.db$/, "") + ".head";
}

/** One line of always the same length, so that it is written in place, in one sector. */
export function formatHead({ databaseId, run, commits }: HeadRecord): string {
  const text = `signet-head 1 ${databaseId} ${run ?? "-".repeat(36)} ${String(commits).padStart(16, "0")}`;
  return `${text} ${sumOf(text)}\n`;
}

/** Null when there is no such file, or nothing that can be read in it: a power cut can tear it. */
export function readHead(path: string): HeadRecord | null {
  let line: string;
  try {
    line = readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    const { message } = error as Error;
    throw new AppError("unavailable", `cannot read ${path}: ${message}`, { cause: error });
  }
  const [, text = "", databaseId = "", run = "", commits, sum] =
    /^(signet-head 1 ([0-9a-f-]{36}) ([0-9a-f-]{36}) (\d{16})) ([0-9a-f]{16})\n$/.exec(line) ?? [];
  if (sum === undefined || sum !== sumOf(text)) return null;
  return { databaseId, run: run.startsWith("-") ? null : run, commits: Number(commits) };
}

/** The head in the database; null for one that does not count yet. Throws what SQLite throws. */
export function recordOf(database: Database): HeadRecord | null {
  const table = database.prepare("select 1 from sqlite_master where name = 'commit_head'").get();
  if (table === undefined) return null;
  const sql = "select database_id as databaseId, run, commits from commit_head";
  return database.prepare<[], HeadRecord>(sql).get() ?? null;
}

/** Whether a database lacks what its head file says was acknowledged. */
export function findLoss(head: HeadRecord | null, found: HeadRecord | null): HistoryLoss | null {
  if (head === null) {
    if (found === null || found.commits === 0) return null;
    return { commits: null, message: "it has no head file, so it may not be the newest", isCertain: false };
  }
  const certain = (commits: number | null, message: string) => ({ commits, message, isCertain: true });
  if (found === null) return certain(head.commits, "it is a new one, or a copy from before it counted its commits");
  if (head.databaseId !== found.databaseId) return certain(null, "it is another database");
  if (found.commits > head.commits) return null;
  if (found.commits === head.commits) {
    return found.run === head.run ? null : certain(null, "it is a copy that was changed since");
  }
  const commits = head.commits - found.commits;
  return certain(
    commits,
    `${commits} commits that were acknowledged are missing (it has ${found.commits} of ${head.commits})`,
  );
}

function sumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
