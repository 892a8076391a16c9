import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { ROLE, SUPERUSER, type ClusterAddress } from "../../../tools/postgres/databases.js";
import { freePort } from "../../../tools/postgres/free-port.js";
import { giveTo, reachableBy, serverOwner } from "../../../tools/postgres/owner.js";
import { leaveWatchdog } from "../../../tools/postgres/watchdog.js";

/** PgBouncer before a server. */
export interface PgBouncer extends AsyncDisposable {
  readonly port: number;
  /** The same URL through PgBouncer. */
  through(url: string): string;
  /** Runs a command of its console, such as `SHOW POOLS` or `RECONNECT`. */
  console(command: string): Promise<Record<string, unknown>[]>;
  /** Ends it at once, with the connections of its clients; `start` starts it again on the same port. */
  crash(): Promise<void>;
  start(): Promise<void>;
  log(): string;
}

/** Debian has it in a directory that is not on everybody's PATH. */
const DIRECTORIES = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/** What PgBouncer needs and this machine lacks; null where nothing is missing. */
export function missingForPgBouncer(): string | null {
  return findPgBouncer() === null ? "no pgbouncer on the PATH or in /usr/sbin: apt-get install pgbouncer" : null;
}

function findPgBouncer(): string | null {
  return DIRECTORIES.map((directory) => join(directory, "pgbouncer")).find((path) => existsSync(path)) ?? null;
}

/** In transaction mode unless the settings say otherwise, with few connections to the server. It runs as nobody for root. */
const SETTINGS = { pool_mode: "transaction", default_pool_size: "5", max_client_conn: "1000" };

/**
 * Starts PgBouncer before a cluster's server.
 *
 * @throws Error that says how to get it where it is not installed.
 */
export async function startPgBouncer(
  { port: serverPort, password }: ClusterAddress,
  settings: Readonly<Record<string, string>> = {},
): Promise<PgBouncer> {
  const program = findPgBouncer();
  if (program === null) throw new Error(missingForPgBouncer() ?? "");
  const owner = serverOwner();
  const directory = mkdtempSync(join(reachableBy(owner, tmpdir()) ? tmpdir() : "/tmp", "signet-pgbouncer-"));
  giveTo(owner, directory);
  const port = await freePort();
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    giveTo(owner, path);
    return path;
  };
  const users = file("users", [ROLE, SUPERUSER].map((user) => `"${user}" "${password ?? ""}"\n`).join(""));
  const all = {
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    unix_socket_dir: directory,
    auth_type: password === null ? "trust" : "scram-sha-256",
    auth_file: users,
    admin_users: SUPERUSER,
    ...SETTINGS,
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  const ini = file(
    "pgbouncer.ini",
    `[databases]\n* = host=127.0.0.1 port=${serverPort}\n[pgbouncer]\n${lines.join("")}`,
  );
  const logFile = join(directory, "log");
  const log = () => (existsSync(logFile) ? readFileSync(logFile, "utf8") : "");

  let crash = async () => {};
  const start = async () => {
    const output = openSync(logFile, "a");
    const child = spawn(program, ["-q", ini], {
      cwd: directory,
      detached: true,
      stdio: ["ignore", output, output],
      ...owner,
    });
    closeSync(output);
    const watchdog = leaveWatchdog('kill -KILL "$1"; rm -rf "$2"', String(child.pid), directory);
    const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.once("error", () => undefined);
    crash = async () => {
      child.kill("SIGKILL");
      await exit;
      watchdog.dismiss();
    };
    while (!(await answers(port, password))) {
      if (child.exitCode !== null || child.signalCode !== null) {
        watchdog.dismiss();
        throw new Error(`PgBouncer ended:\n${log()}`);
      }
      await wait(10);
    }
  };
  const dispose = async () => {
    await crash();
    rmSync(directory, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  return {
    port,
    through(url) {
      const changed = new URL(url);
      changed.port = String(port);
      return changed.href;
    },
    console: (command) => runAtConsole(port, password, command),
    crash: () => crash(),
    start,
    log,
    [Symbol.asyncDispose]: dispose,
  };
}

async function answers(port: number, password: string | null): Promise<boolean> {
  return await runAtConsole(port, password, "SHOW VERSION").then(
    () => true,
    () => false,
  );
}

async function runAtConsole(
  port: number,
  password: string | null,
  command: string,
): Promise<Record<string, unknown>[]> {
  const address = { host: "127.0.0.1", port, user: SUPERUSER, database: "pgbouncer" };
  const client = new Client(password === null ? address : { ...address, password });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(command)).rows;
  } finally {
    await client.end();
  }
}
