import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPostgres, type PostgresBinaries } from "./binaries.js";
import { openDatabases, SUPERUSER, type Databases } from "./databases.js";
import { freePort } from "./free-port.js";
import { giveTo, reachableBy, serverOwner, type Owner } from "./owner.js";
import { PostgresProcess, serverEnvironment } from "./postgres-process.js";
import { leaveWatchdog } from "./watchdog.js";

/** How a cluster differs from the usual one. */
export interface ClusterOptions {
  /**
   * Where it is kept: a directory of its own, which is made where it is missing, and whose cluster is started again where there is
   * one. Without it a temporary one, which is removed at the end.
   */
  readonly directory?: string;
  /** The port on 127.0.0.1; any free one without it. */
  readonly port?: number;
  /** Addresses besides 127.0.0.1 to listen on. */
  readonly listen?: readonly string[];
  /** Whether what is acknowledged is on the disk; false without it, for speed: it then survives a crash of the server only. */
  readonly fsync?: boolean;
  /** Asks for this password by SCRAM. Without it every connection is trusted. */
  readonly password?: string;
  /** Offers TLS by this certificate and key, PEM; `required` refuses connections without. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly required?: boolean };
  /** More settings of postgresql.conf, or other values for those that there are. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Fills the empty data directory instead of `initdb`. */
  readonly fill?: (dataDirectory: string) => Promise<void>;
}

/** A PostgreSQL server of our own, on 127.0.0.1. */
export interface Cluster extends Databases, AsyncDisposable {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** The user that it runs as, where that is another than this process's. */
  readonly owner: Owner | null;
  /** Freezes all processes of the server: connections stay open and get no answer. */
  pause(): void;
  resume(): void;
  /** Ends at once, without a checkpoint; `start` recovers. */
  crash(): Promise<void>;
  stop(): Promise<void>;
  /** Starts again after `stop` or `crash`, on the same port. */
  start(): Promise<void>;
  /** All that the server has logged. */
  log(): string;
}

/**
 * Small in memory and processes, for many databases and sessions. Sorting by language is the default of the databases, as it is
 * where others install PostgreSQL, so that a query that relies on the order of bytes has to say so.
 */
const SETTINGS = {
  max_connections: "500",
  shared_buffers: "32MB",
  max_wal_size: "256MB",
  wal_keep_size: "64MB",
  max_worker_processes: "4",
  // In the data directory instead of /dev/shm, which is small in containers and keeps what a killed server had.
  dynamic_shared_memory_type: "mmap",
  jit: "off",
  timezone: "UTC",
  log_line_prefix: "%m [%p] %u@%d ",
};

const NO_FSYNC = { fsync: "off", full_page_writes: "off" };

/** Makes a cluster and starts it. It ends with this process at the latest, however that ends. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const owner = serverOwner();
  const directory = makeDirectory(owner, options.directory);
  const dataDirectory = join(directory, "data");
  const watchdog = leaveWatchdog(
    'pid=$(head -n 1 "$1/postmaster.pid") && kill -CONT "$pid" && kill -QUIT "$pid" && while kill -0 "$pid"; do sleep 0.1; done\n' +
      '[ -z "$2" ] || rm -rf "$2"',
    dataDirectory,
    options.directory === undefined ? directory : "",
  );
  const removeAll = () => {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
    watchdog.dismiss();
  };
  try {
    const binaries = findPostgres(owner, directory);
    const port = options.port ?? (await freePort());
    if (!existsSync(join(dataDirectory, "PG_VERSION"))) {
      mkdirSync(dataDirectory, { mode: 0o700 });
      giveTo(owner, dataDirectory);
      await (options.fill ?? initialize(binaries, owner, options.password))(dataDirectory);
    }
    const settings = writeConfiguration(dataDirectory, owner, options);
    const logFile = join(directory, "postgres.log");
    const server = new PostgresProcess({
      postgres: join(binaries.directory, "postgres"),
      dataDirectory,
      logFile,
      owner,
      settings: { ...settings, port: String(port), unix_socket_directories: directory },
    });
    const { major } = binaries;
    const databases = openDatabases({ major, port, socketDirectory: directory, password: options.password ?? null });
    const cluster: Cluster = {
      ...databases,
      directory,
      dataDirectory,
      logFile,
      owner,
      pause: () => server.pause(),
      resume: () => server.resume(),
      crash: () => server.stop("immediate"),
      stop: () => server.stop("fast"),
      start: () => server.start(),
      log: () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : ""),
      async [Symbol.asyncDispose]() {
        // What is removed needs no checkpoint.
        await server.stop(options.directory === undefined ? "immediate" : "fast");
        removeAll();
      },
    };
    try {
      await server.start();
      if (options.fill === undefined) await databases.createRole();
    } catch (error) {
      await server.stop("immediate");
      throw error;
    }
    return cluster;
  } catch (error) {
    removeAll();
    throw error;
  }
}

/** In the system's directory for temporary files, or in /tmp where the server's user cannot reach that. */
function makeDirectory(owner: Owner | null, wanted: string | undefined): string {
  if (wanted === undefined) {
    const parent = reachableBy(owner, tmpdir()) ? tmpdir() : "/tmp";
    const directory = mkdtempSync(join(parent, "signet-postgres-"));
    giveTo(owner, directory);
    return directory;
  }
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  giveTo(owner, wanted);
  if (!reachableBy(owner, wanted))
    throw new Error(`the user nobody, as which PostgreSQL runs for root, cannot enter ${wanted}`);
  return wanted;
}

function initialize(binaries: PostgresBinaries, owner: Owner | null, password: string | undefined) {
  return async (dataDirectory: string): Promise<void> => {
    const { directory, major } = binaries;
    const locale = major >= 15 ? ["--locale=C", "--locale-provider=icu", "--icu-locale=en"] : ["--locale=C"];
    const argv = ["-D", dataDirectory, "-U", SUPERUSER, "--encoding=UTF8", "--no-sync", "--no-instructions", ...locale];
    const passwordFile = `${dataDirectory}.password`;
    if (password !== undefined) {
      writeFileSync(passwordFile, password, { mode: 0o600 });
      giveTo(owner, passwordFile);
      argv.push(`--pwfile=${passwordFile}`);
    }
    try {
      execFileSync(join(directory, "initdb"), [...argv, "--auth=trust"], {
        cwd: dataDirectory,
        env: serverEnvironment(),
        stdio: ["ignore", "ignore", "pipe"],
        ...owner,
      });
    } finally {
      rmSync(passwordFile, { force: true });
    }
  };
}

/** Writes pg_hba.conf and the certificate; returns the settings. */
function writeConfiguration(
  dataDirectory: string,
  owner: Owner | null,
  options: ClusterOptions,
): Record<string, string> {
  const { tls, password, listen = [], fsync = false } = options;
  const write = (name: string, text: string) => {
    const file = join(dataDirectory, name);
    writeFileSync(file, text, { mode: 0o600 });
    giveTo(owner, file);
  };
  const method = password === undefined ? "trust" : "scram-sha-256";
  const type = tls?.required === true ? "hostssl" : "host";
  write("pg_hba.conf", `local all,replication all trust\n${type} all,replication all all ${method}\n`);
  const settings = {
    ...SETTINGS,
    ...(fsync ? {} : NO_FSYNC),
    listen_addresses: ["127.0.0.1", ...listen].join(","),
    ...options.settings,
  };
  if (tls === undefined) return settings;
  write("server.crt", tls.cert);
  write("server.key", tls.key);
  return { ...settings, ssl: "on" };
}
