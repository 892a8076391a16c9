/** One host, from the look-up of its name to its first answer, unless the URL has `connect_timeout`: tells a dead one before callers give up. */
export const CONNECT_TIMEOUT_MS = 4_000;

/** For a free connection of the pool: longer means more requests than the database can serve, and they had better be told. */
export const ACQUIRE_TIMEOUT_MS = 10_000;

/** One read: far above the slowest page, and ends the wait on a connection whose other end is gone (the system would take 15 minutes). */
export const READ_TIMEOUT_MS = 30_000;

/** One statement of a write, with the wait for the lock that all writes take: above all that LOCAL_SETTINGS allows the server. */
export const WRITE_TIMEOUT_MS = 30_000;

/** After so much silence the system asks whether the other end of a connection is there; it is given up 10 s later. */
export const KEEP_ALIVE_DELAY_MS = 5_000;

/** An idle connection for reads is closed after this: each one is a process of the server. */
export const IDLE_TIMEOUT_MS = 60_000;

/** A connection is made anew after this: names of managed servers come to mean other machines. */
export const MAX_LIFETIME_SECONDS = 3_600;

/**
 * Sets the limits of one transaction, as its first statement; a pooler in transaction mode allows nothing that outlives it.
 *
 * - idle in transaction 5 s: a node that was stopped or cut off while it writes holds the lock of all nodes, no longer than this
 * - lock 15 s: other nodes wait that out, twice
 * - statement 20 s: none of a write is so long; a node that is gone leaves none behind
 */
export const LOCAL_SETTINGS =
  "select set_config('idle_in_transaction_session_timeout', '5s', true), " +
  "set_config('lock_timeout', '15s', true), set_config('statement_timeout', '20s', true)";
