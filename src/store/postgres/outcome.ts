import { sleep } from "../../core/schedule/wait.js";
import { COMMIT_KIND } from "./commit-log.js";
import type { ConnectionPool } from "./connect.js";
import { WRITE_LOCK } from "./session.js";

/** What a transaction writes of itself into the log of changes, so that it can be found. */
export interface TransactionMark {
  readonly nodeId: string;
  /** Unique. */
  readonly id: string;
}

/** What became of a transaction. */
export type CommitOutcome = "committed" | "aborted" | "unknown";

/**
 * A server that restarts takes a moment; one that has not heard of the lost connection ends the transaction when it stood still for 5 s
 * (timeouts.ts).
 */
const ASK_FOR_MS = 10_000;
const LOCK_TIMEOUT = "8s";
const PAUSE_MS = 100;

/**
 * Asks what became of a transaction whose connection was lost while it committed: who gets the lock that it had knows that it has ended,
 * and finds its mark if it was committed. `unknown` when the database does not answer in time.
 *
 * Not by `pg_xact_status`: after a crash the server gives the numbers of transactions again that it has lost, and after a failover too.
 */
export async function outcomeOf(pool: ConnectionPool, mark: TransactionMark): Promise<CommitOutcome> {
  const end = performance.now() + ASK_FOR_MS;
  while (performance.now() < end) {
    const isCommitted = await isMarked(pool, mark).catch(() => null);
    if (isCommitted !== null) return isCommitted ? "committed" : "aborted";
    await sleep(PAUSE_MS, NEVER);
  }
  return "unknown";
}

const NEVER = new AbortController().signal;

async function isMarked(pool: ConnectionPool, { nodeId, id }: TransactionMark): Promise<boolean> {
  // One message is one transaction; the next statement sees all that was committed before the lock was got.
  await pool.query(
    `select set_config('lock_timeout', '${LOCK_TIMEOUT}', true); select pg_advisory_xact_lock(${WRITE_LOCK})`,
  );
  const sql = `select 1 from node_changes where origin = $1 and kind = '${COMMIT_KIND}' and ref = $2`;
  return (await pool.query(sql, [nodeId, id])).length > 0;
}
