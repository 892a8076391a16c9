import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type Cluster } from "../../../tools/postgres/cluster.js";
import { selfSigned } from "../../outbound/self-signed.js";

const certificate = selfSigned("127.0.0.1");

async function open(url: string, ca?: string): Promise<Client> {
  const client = new Client({ connectionString: url, ...(ca === undefined ? {} : { ssl: { ca } }) });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Not `once` of node:events, which rejects at the error before it. */
function ended(client: Client): Promise<void> {
  return new Promise((resolve) => client.once("end", resolve));
}

describe("a cluster", () => {
  const directory = mkdtempSync(join(tmpdir(), "signet-cluster-"));
  const options = {
    directory,
    password: "it's secret",
    tls: { ...certificate, required: true },
    settings: { max_connections: "50" },
  };
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster(options);
    await cluster.createDatabase("first");
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  it("has the settings asked for, is nobody else's, and does not run as root", async () => {
    const [row] = await cluster.query(
      `select current_setting('max_connections') as connections, current_setting('fsync') as fsync,
         current_setting('listen_addresses') as addresses`,
    );
    expect(row).toEqual({ connections: "50", fsync: "off", addresses: "127.0.0.1" });
    expect(cluster.major).toBeGreaterThanOrEqual(14);
    const { uid, mode } = statSync(cluster.dataDirectory);
    expect(uid).not.toBe(0);
    expect(mode & 0o077).toBe(0);
  });

  it("wants TLS and the password", async () => {
    const url = cluster.url("first");
    const client = await open(url, certificate.cert);
    const { rows } = await client.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    expect(rows).toEqual([{ ssl: true }]);
    await client.end();
    await expect(open(url)).rejects.toThrow(/no pg_hba.conf entry .*no encryption/);
    await expect(open(url, selfSigned("127.0.0.1").cert)).rejects.toThrow(/self-signed certificate/);
    const wrong = new URL(url);
    wrong.password = "wrong";
    await expect(open(wrong.href, certificate.cert)).rejects.toThrow(/password authentication failed/);
  });

  it("answers nothing while it is frozen, and then what was asked", async () => {
    const client = await open(cluster.url("first"), certificate.cert);
    cluster.pause();
    let answered = false;
    const answer = client.query("select 1 as one").finally(() => {
      answered = true;
    });
    // A new session gets as far as the kernel, and no further.
    await expect(
      new Client({ connectionString: cluster.url("first"), ssl: false, connectionTimeoutMillis: 100 }).connect(),
    ).rejects.toThrow(/timeout/);
    expect(answered).toBe(false);
    cluster.resume();
    expect((await answer).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it("keeps what was committed over a crash and a stop, on the same port", async () => {
    const client = await open(cluster.url("first"), certificate.cert);
    await client.query("create table kept as select 1 as value");
    const lost = ended(client);
    await cluster.crash();
    await lost;
    await expect(open(cluster.url("first"), certificate.cert)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await cluster.start();
    await cluster.stop();
    await cluster.start();
    expect(await cluster.query("select value from kept", [], "first")).toEqual([{ value: 1 }]);
    expect(cluster.log()).toContain("database system was not properly shut down");
  });

  it("loses all sessions when it is told to", async () => {
    const client = await open(cluster.url("first"), certificate.cert);
    const lost = ended(client);
    expect(await cluster.terminateBackends()).toBe(1);
    await lost;
  });

  it("is there again after its end, where its directory is kept", async () => {
    await cluster.createDatabase("second");
    await cluster[Symbol.asyncDispose]();
    cluster = await startCluster(options);
    expect(await cluster.query("select from pg_database where datname = 'second'")).toHaveLength(1);
    await (await open(cluster.url("second"), certificate.cert)).end();
  });

  it("says what the server says when it does not start, and leaves nothing", async () => {
    let directory = "";
    const fill = (dataDirectory: string) => {
      directory = dirname(dataDirectory);
      return Promise.resolve();
    };
    await expect(startCluster({ fill })).rejects.toThrow(
      /PostgreSQL ended:[^]*could not access the server configuration/,
    );
    expect(directory).not.toBe("");
    expect(existsSync(directory)).toBe(false);
  });

  it("ends with the process that started it, also when that is killed", async () => {
    const script = `
      import { startCluster } from ${JSON.stringify(join(import.meta.dirname, "../../../tools/postgres/cluster.ts"))};
      const { directory, port } = await startCluster();
      console.log(JSON.stringify({ directory, port }));
    `;
    const owner = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface(owner.stdout), "line")) as [string];
    const { directory, port } = JSON.parse(line) as { directory: string; port: number };
    expect(existsSync(directory)).toBe(true);
    owner.kill("SIGKILL");
    while (existsSync(directory)) await wait(20);
    const client = new Client({ host: "127.0.0.1", port, user: "postgres" });
    await expect(client.connect()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
