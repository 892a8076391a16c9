import pg, { type PoolClient, type QueryResultRow } from "pg";
import { AppError } from "../../core/error.js";
import { Circuit } from "./circuit.js";
import { connectTimeoutMs, HostClient, type ClientMode, type Server } from "./client.js";
import { parseDatabaseUrl } from "./database-url.js";
import { postgresError } from "./errors.js";
import { Hosts, NoPrimaryError } from "./hosts.js";
import type { ConnectionNotice, PostgresOptions } from "./options.js";
import {
  ACQUIRE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  MAX_LIFETIME_SECONDS,
  READ_TIMEOUT_MS,
  WRITE_TIMEOUT_MS,
} from "./timeouts.js";
import { tlsPolicy } from "./tls.js";

/** Connections that are kept; what Kysely's PostgresDialect takes as its pool. */
export interface ConnectionPool {
  /**
   * A connection to a primary; give it back by `release`, with `true` to close it. Throws NoPrimaryError when no host can be used, and
   * pg's own error when none was free for 10 seconds; postgresError translates both.
   */
  connect(): Promise<PoolClient>;
  /** One statement for itself, on any of them. Throws as pg does. */
  query<Row extends QueryResultRow>(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>;
  /** Closes idle connections now, the others when they are given back. */
  end(): Promise<void>;
}

/** A connection of its own. */
export type DirectClient = pg.Client & Pick<HostClient, "destroy">;

/** All connections of a process to its database. */
export interface Pools extends AsyncDisposable {
  /** For reads: up to `poolSize`, one statement at a time, 30 s for each. */
  readonly read: ConnectionPool;
  /** For writes: two, pipelined, 30 s for each statement; the second is there to ask after a commit whose connection was lost. */
  readonly write: ConnectionPool;
  /** A connection of its own, past a pooler, for LISTEN and migrations. No limit of time for its statements. End it by `end` or `destroy`. */
  connectDirect(): Promise<DirectClient>;
  /**
   * The first connection, by both URLs: throws `invalid` for a server that Signet does not run on and `unavailable` when no host takes
   * writes, telling why for each host.
   */
  check(): Promise<void>;
}

const WRITE_CONNECTIONS = 2;

/**
 * The connections to a database; none is made yet. Each new one tries the hosts of the URL in turn, from the last one that was good, and
 * keeps a primary; those to a host that became a standby are dropped. Nothing outlives a transaction on them (no named statements, no
 * settings of a session), so that the URL may be that of a pooler. Throws `invalid` for URLs and files that cannot be used.
 */
export function createPools(options: PostgresOptions, onNotice: (notice: ConnectionNotice) => void): Pools {
  const pooled = serverOf(options.url, "SIGNET_DATABASE_URL", options, onNotice);
  const { directUrl } = options;
  const direct = directUrl === null ? pooled : serverOf(directUrl, "SIGNET_DATABASE_DIRECT_URL", options, onNotice);
  const read = poolOf(pooled, { pipeline: false, queryTimeoutMs: READ_TIMEOUT_MS }, options.poolSize, IDLE_TIMEOUT_MS);
  // Idle ones stay: a first write after a pause should not pay for a connection.
  const write = poolOf(pooled, { pipeline: true, queryTimeoutMs: WRITE_TIMEOUT_MS }, WRITE_CONNECTIONS, 0);
  const connectDirect = () =>
    direct.hosts.inTurn(() => new HostClient(direct, { pipeline: false, queryTimeoutMs: null }).connect());
  return {
    read,
    write,
    connectDirect,
    check: async () => {
      try {
        (await read.connect()).release();
        if (direct !== pooled) await (await connectDirect()).end();
      } catch (error) {
        throw startError(error);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([read.end(), write.end()]);
    },
  };
}

function serverOf(text: string, name: string, options: PostgresOptions, onNotice: Server["onNotice"]): Server {
  const url = parseDatabaseUrl(text, name);
  const tls = tlsPolicy(url, options.ca);
  const use = tls.mode === "disable" ? "never" : tls.mode === "prefer" ? "prefer" : "always";
  return { url, tls, hosts: new Hosts(url.hosts, use), applicationName: options.applicationName, onNotice };
}

function poolOf(server: Server, mode: ClientMode, max: number, idleTimeoutMillis: number): ConnectionPool {
  const pool = new pg.Pool({
    max,
    idleTimeoutMillis,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    // Above the time that a client itself takes to give up one host.
    connectionTimeoutMillis: Math.max(ACQUIRE_TIMEOUT_MS, 2 * connectTimeoutMs(server) + 1_000),
    Client: class extends HostClient {
      constructor() {
        super(server, mode);
      }
    },
  });
  pool.on("error", (error, client) => {
    // A host that could not be used is told by its HostError.
    if (client instanceof HostClient && !client.wasGood) return;
    server.onNotice({
      level: "warn",
      message: `an idle connection to the database ended: ${postgresError(error).message}`,
    });
  });
  const circuit = new Circuit();
  const connect = () => circuit.run(() => server.hosts.inTurn(() => usable(pool)));
  return {
    connect,
    query: async <Row extends QueryResultRow>(sql: string, parameters: readonly unknown[] = []) => {
      const client = await connect();
      try {
        return (await client.query<Row>(sql, [...parameters])).rows;
      } finally {
        client.release();
      }
    },
    end: () => pool.end(),
  };
}

/** A connection that is not spent. */
async function usable(pool: pg.Pool): Promise<PoolClient> {
  for (;;) {
    const client = await pool.connect();
    const release = client.release.bind(client);
    const isSpent = () => client instanceof HostClient && client.isSpent;
    client.release = (broken) => release(broken ?? isSpent());
    if (!isSpent()) return client;
    client.release(true);
  }
}

/** The failure of a first connection, for the operator who starts the server. */
function startError(error: unknown): AppError {
  if (!(error instanceof NoPrimaryError)) return postgresError(error);
  const causes = error.failures.map(({ cause }) => cause);
  const refusal = causes.find((cause) => cause instanceof AppError && cause.code === "invalid");
  const code = refusal === undefined ? "unavailable" : "invalid";
  return new AppError(code, `no host of the database can be used: ${error.message}`, { cause: error });
}
