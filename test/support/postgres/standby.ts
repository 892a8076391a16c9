import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { startCluster, type Cluster, type ClusterOptions } from "../../../tools/postgres/cluster.js";
import { SUPERUSER } from "../../../tools/postgres/databases.js";
import { giveTo, type Owner } from "../../../tools/postgres/owner.js";

/** An asynchronous streaming standby, which answers reads. */
export interface Standby extends Cluster {
  /** Resolves when it has replayed all that the primary has committed until now. */
  caughtUp(): Promise<void>;
  /** Receives nothing more; what it has is kept and replayed. */
  stopReplication(): Promise<void>;
  resumeReplication(): Promise<void>;
  /** Makes it a primary, on a new timeline; resolves when it accepts writes. The old primary has to be ended by the caller. */
  promote(): Promise<void>;
}

/**
 * Makes a standby of a running cluster by a copy of its files, as npm's binaries have no pg_basebackup. No replication slot: the
 * primary keeps the last 64 MB of its log for it.
 *
 * @param through a port of 127.0.0.1 that leads to the primary, such as a fault proxy's.
 */
export async function startStandby(
  primary: Cluster,
  through: number = primary.port,
  options: Omit<ClusterOptions, "fill" | "password"> = {},
): Promise<Standby> {
  const conninfo = [
    `host=127.0.0.1 port=${through} user=${SUPERUSER} application_name=standby sslmode=prefer`,
    ...(primary.password === null ? [] : [`password='${primary.password.replaceAll(/['\\]/g, "\\$&")}'`]),
  ].join(" ");
  const cluster = await startCluster({
    ...options,
    ...(primary.password === null ? {} : { password: primary.password }),
    fill: (dataDirectory) => copyPrimary(primary, dataDirectory, conninfo),
  });
  const setSource = async (source: string) => {
    await cluster.query(`alter system set primary_conninfo = '${source.replaceAll("'", "''")}'`);
    await cluster.query("select pg_reload_conf()");
  };
  const until = async (sql: string, values: readonly unknown[] = []) => {
    while ((await cluster.query<{ done: boolean }>(sql, values))[0]?.done !== true) await wait(10);
  };
  return {
    ...cluster,
    async caughtUp() {
      const [row] = await primary.query<{ lsn: string }>("select pg_current_wal_flush_lsn()::text as lsn");
      await until("select pg_last_wal_replay_lsn() >= $1::pg_lsn as done", [row?.lsn]);
    },
    async stopReplication() {
      await setSource("");
      await until("select count(*) = 0 as done from pg_stat_wal_receiver");
    },
    resumeReplication: () => setSource(conninfo),
    async promote() {
      await cluster.query("select pg_promote(true)");
      await until("select not pg_is_in_recovery() as done");
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** PostgreSQL's documentation, "Making a Base Backup Using the Low Level API". The session has to stay until the end. */
async function copyPrimary(primary: Cluster, target: string, conninfo: string): Promise<void> {
  const { owner, major, socketDirectory, port } = primary;
  const [start, stop] =
    major >= 15
      ? ["pg_backup_start('standby', true)", "pg_backup_stop(false)"]
      : ["pg_start_backup('standby', true, false)", "pg_stop_backup(false, false)"];
  const client = new Client({ host: socketDirectory, port, user: SUPERUSER, database: "postgres" });
  await client.connect();
  try {
    await client.query(`select ${start}`);
    await copyTree(primary.dataDirectory, target, owner, "");
    const { rows } = await client.query<{ labelfile: string }>(`select labelfile from ${stop}`);
    const write = async (name: string, text: string) => {
      await writeFile(join(target, name), text, { mode: 0o600 });
      giveTo(owner, join(target, name));
    };
    await write("backup_label", rows[0]?.labelfile ?? "");
    await write("standby.signal", "");
    // Not on the command line, which would go before what `alter system` says later.
    await write("postgresql.auto.conf", `primary_conninfo = '${conninfo.replaceAll(/['\\]/g, "\\$&")}'\n`);
  } finally {
    await client.end();
  }
}

/** Of the running server only, or made anew at the start. */
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/.+|.*pg_internal\.init.*|.*pgsql_tmp.*)$/;

async function copyTree(source: string, target: string, owner: Owner | null, within: string): Promise<void> {
  for (const entry of await readdir(join(source, within), { withFileTypes: true })) {
    const path = join(within, entry.name);
    if (LEFT_OUT.test(path)) continue;
    if (entry.isDirectory()) {
      await mkdir(join(target, path), { mode: 0o700 });
      giveTo(owner, join(target, path));
      await copyTree(source, target, owner, path);
    } else {
      await copyUnlessGone(join(source, path), join(target, path), owner);
    }
  }
}

/** A file may be dropped meanwhile; the log says so to the standby. */
async function copyUnlessGone(from: string, to: string, owner: Owner | null): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return;
  }
  giveTo(owner, to);
}
