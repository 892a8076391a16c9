import { sleep } from "../../core/schedule/wait.js";
import type { ConnectionPool } from "./connect.js";

/** Which transaction it was, in which history of the database. */
export interface TransactionMark {
  readonly xid: string;
  /** As `timelineOf`. */
  readonly timeline: string | null;
}

/** What became of a transaction. */
export type CommitOutcome = "committed" | "aborted" | "unknown";

/** The server may end the transaction later than it loses the connection, and a server that restarts takes a moment. */
const ASK_FOR_MS = 5_000;
const PAUSE_MS = 100;

/**
 * The timeline that the server writes, eight hexadecimal digits: another one since a standby was promoted, or since a restore to a point in
 * time. Null where the server does not tell, as some managed ones.
 */
export async function timelineOf(query: (sql: string) => Promise<readonly object[]>): Promise<string | null> {
  try {
    const [row] = (await query(TIMELINE)) as readonly { readonly timeline: string }[];
    return row?.timeline ?? null;
  } catch {
    return null;
  }
}

const TIMELINE = "select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline";

/**
 * Asks what became of a transaction whose connection was lost while it committed. `unknown` when the database does not answer in time, and
 * when it has another timeline: there the number may be another transaction's.
 */
export async function outcomeOf(pool: ConnectionPool, { xid, timeline }: TransactionMark): Promise<CommitOutcome> {
  const end = performance.now() + ASK_FOR_MS;
  while (performance.now() < end) {
    const status = await statusOf(pool, xid, timeline).catch(() => "in progress");
    if (status === "committed" || status === "aborted") return status;
    if (status !== "in progress") return "unknown";
    await sleep(PAUSE_MS, NEVER);
  }
  return "unknown";
}

const NEVER = new AbortController().signal;

/** As pg_xact_status: null for a transaction that it does not remember. */
async function statusOf(pool: ConnectionPool, xid: string, timeline: string | null): Promise<string | null> {
  if (timeline === null) return null;
  const sql = `select pg_xact_status($1::text::xid8) as status, (${TIMELINE}) as timeline`;
  const [row] = await pool.query<{ status: string | null; timeline: string }>(sql, [xid]);
  return row === undefined || row.timeline !== timeline ? null : row.status;
}
