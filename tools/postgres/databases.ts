import { Client, escapeIdentifier, escapeLiteral, type QueryResultRow } from "pg";

/** How to reach a cluster on this machine. */
export interface ClusterAddress {
  /** The major version, such as 18. */
  readonly major: number;
  /** On 127.0.0.1, and in the name of the unix socket. */
  readonly port: number;
  /** The directory of its unix socket, by which the superuser needs no password and no TLS. */
  readonly socketDirectory: string;
  readonly password: string | null;
}

/** The databases of a running cluster. They belong to the role `signet`, which is no superuser. */
export interface Databases extends ClusterAddress {
  /** As the role `signet`, the owner of the databases. */
  url(database: string): string;
  /** As the superuser `postgres`. */
  adminUrl(database?: string): string;
  /** Makes an empty database, or a copy of one that nobody is connected to, and returns its URL as `signet`. */
  createDatabase(name: string, template?: string): Promise<string>;
  /** Drops it, if it is there, and ends its sessions. */
  dropDatabase(name: string): Promise<void>;
  /** Runs one statement as the superuser on a connection of its own. */
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[], database?: string): Promise<Row[]>;
  /** Ends all sessions of clients, or those of one database, as `pg_terminate_backend` does. Returns how many. */
  terminateBackends(database?: string): Promise<number>;
}

/** The superuser that `initdb` makes. */
export const SUPERUSER = "postgres";
/** The role that the databases belong to. */
export const ROLE = "signet";

/**
 * Nothing is connected before the first call, and nothing stays connected after one. `createRole` makes the role `signet` where
 * it is missing.
 */
export function openDatabases(address: ClusterAddress): Databases & { createRole(): Promise<void> } {
  const { major, port, password, socketDirectory } = address;
  // Faster than by the log, which is the default since 15 and the only other way.
  const strategy = major >= 15 ? "strategy file_copy" : "";
  const urlAs = (user: string, database: string) => {
    const url = new URL(`postgres://${user}@127.0.0.1:${port}/${encodeURIComponent(database)}`);
    if (password !== null) url.password = password;
    return url.href;
  };
  const query: Databases["query"] = async <Row extends QueryResultRow>(
    sql: string,
    values: readonly unknown[] = [],
    database = "postgres",
  ) => {
    const client = new Client({ host: socketDirectory, port, user: SUPERUSER, database });
    // A lost connection is told by the statement that waits for it.
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  return {
    ...address,
    url: (database) => urlAs(ROLE, database),
    adminUrl: (database = "postgres") => urlAs(SUPERUSER, database),
    query,
    async createRole() {
      if ((await query("select from pg_roles where rolname = $1", [ROLE])).length > 0) return;
      await query(`create role ${ROLE} login ${password === null ? "" : `password ${escapeLiteral(password)}`}`);
    },
    async createDatabase(name, template = "template1") {
      await query(
        `create database ${escapeIdentifier(name)} owner ${ROLE} template ${escapeIdentifier(template)} ${strategy}`,
      );
      return urlAs(ROLE, name);
    },
    async dropDatabase(name) {
      await query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
    },
    async terminateBackends(database) {
      const ended = await query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid() and ($1::text is null or datname = $1)`,
        [database ?? null],
      );
      return ended.length;
    },
  };
}
