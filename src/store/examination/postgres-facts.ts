import { randomBytes } from "node:crypto";
import { waitFor } from "../../core/schedule/wait.js";
import type { Pools } from "../postgres/connect.js";

/** What a PostgreSQL server says of itself, as far as the role may know. */
export interface PostgresFacts {
  /** As `server_version` has it, such as `15.8`. */
  readonly version: string;
  readonly isPrimary: boolean;
  /** The server's clock less this process's, in milliseconds, as far as the round trip tells; 0 within it. */
  readonly clockAheadMs: number;
  readonly synchronousCommit: string;
  /** Empty without synchronous standbys. */
  readonly synchronousStandbyNames: string;
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  /** Connections that the role can have. */
  readonly maxConnections: number;
  /** Connections of all programs and databases now. */
  readonly usedConnections: number;
  /** `idle_session_timeout` in milliseconds; 0 is none. */
  readonly idleSessionTimeoutMs: number;
  readonly standbys: readonly Standby[];
  /** Rows of the log by which nodes tell each other of changes. */
  readonly changesKept: number;
}

/** A connected standby. All but the count of them is null for a role without pg_read_all_stats. */
export interface Standby {
  readonly name: string | null;
  /** `async`, `potential`, `sync` or `quorum`. */
  readonly syncState: string | null;
  /** Of the log that it has not written to its disk yet, in bytes. */
  readonly lagBytes: number | null;
}

const FACTS = `select current_setting('server_version') as version, pg_is_in_recovery() as standby,
  extract(epoch from clock_timestamp()) * 1000 as now_ms,
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('synchronous_standby_names') as standby_names,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as max_connections,
  (select count(*) from pg_stat_activity where backend_type is null or backend_type = 'client backend') as used,
  (select setting::bigint from pg_settings where name = 'idle_session_timeout') as idle_ms,
  (select coalesce(max(number) - min(number) + 1, 0) from node_changes) as changes`;

const STANDBYS = `select application_name as name, sync_state,
  pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) as lag from pg_stat_replication`;

const NOTIFY_TIMEOUT_MS = 3_000;

/** Asks a server about itself; changes nothing. Throws as pg does. */
export async function readFacts({ read }: Pick<Pools, "read">): Promise<PostgresFacts> {
  const askedMs = Date.now();
  const [row = {}] = await read.query<Record<string, unknown>>(FACTS);
  const answeredMs = Date.now();
  // Refused on some managed servers.
  const standbys = await read.query<Record<string, unknown>>(STANDBYS).catch(() => []);
  const nowMs = Number(row["now_ms"]);
  return {
    version: String(row["version"]),
    isPrimary: row["standby"] === false,
    clockAheadMs: nowMs > answeredMs ? nowMs - answeredMs : Math.min(0, nowMs - askedMs),
    synchronousCommit: String(row["synchronous_commit"]),
    synchronousStandbyNames: String(row["standby_names"]),
    fsync: row["fsync"] === "on",
    fullPageWrites: row["full_page_writes"] === "on",
    maxConnections: Number(row["max_connections"]),
    usedConnections: Number(row["used"]),
    idleSessionTimeoutMs: Number(row["idle_ms"] ?? 0),
    standbys: standbys.map(({ name, sync_state: state, lag }) => ({
      name: textOrNull(name),
      syncState: textOrNull(state),
      lagBytes: lag === null || lag === undefined ? null : Number(lag),
    })),
    changesKept: Number(row["changes"]),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/**
 * How long a notification takes from a connection of the pool to one that listens, in milliseconds; null when it does not arrive within 3
 * seconds, as through a pooler in transaction mode. Throws as pg does.
 */
export async function notifyRoundTrip({
  read,
  connectDirect,
}: Pick<Pools, "read" | "connectDirect">): Promise<number | null> {
  const channel = `signet_doctor_${randomBytes(8).toString("hex")}`;
  const client = await connectDirect();
  try {
    client.on("error", () => undefined);
    const arrived = new Promise<void>((resolve) => client.on("notification", () => resolve()));
    await waitFor(client.query(`listen ${channel}`), NOTIFY_TIMEOUT_MS);
    const sentMs = performance.now();
    await read.query("select pg_notify($1, '')", [channel]);
    return (await waitFor(arrived, NOTIFY_TIMEOUT_MS)) ? performance.now() - sentMs : null;
  } finally {
    client.destroy();
  }
}
