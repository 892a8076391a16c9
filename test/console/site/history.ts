import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { pino } from "pino";
import { seedHistory, type HistorySize } from "../../../bench/seed-history.js";
import { createSignetClient, type SignetClient } from "../../../src/sdk/index.js";
import { openNodeTransport } from "../../../src/sdk/node-transport.js";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../../src/server/server.js";
import { ADMIN_TOKEN, testConfig } from "../../support/server.js";

/** A server of which a test can stop and start the process: the same directory and the same port. */
export interface RestartableServer extends AsyncDisposable {
  readonly url: string;
  readonly directory: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly admin: SignetClient;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts one with a new directory. */
export async function startRestartable(
  settings: Readonly<Record<string, string>> = {},
  prepare: (directory: string) => void = () => {},
): Promise<RestartableServer> {
  const directory = await mkdtemp(join(tmpdir(), "signet-console-"));
  const open = (port: string) =>
    startServer(
      testConfig({ SIGNET_DATA: directory, ...settings, SIGNET_PORT: port }),
      pino({ level: "silent" }),
      DEFAULT_OPTIONS,
    );
  let server: RunningServer | null = await open("0");
  const { url, firstStart } = server;
  const { port } = new URL(url);
  if (firstStart === null) throw new Error("a new directory that is not new");
  const stop = async () => {
    await server?.[Symbol.asyncDispose]();
    server = null;
  };
  await stop();
  prepare(directory);
  server = await open(port);
  const connection = openNodeTransport({ url, timeoutMs: 60_000 });
  return {
    ...{ url, directory, orgId: firstStart.orgId, projectId: firstStart.projectId, stop },
    admin: createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN }),
    async start() {
      server = await open(port);
    },
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Fills `dev` with a history (bench/seed-history.ts) and a fleet of `instances`, a tenth of which rejects what is active. */
export function seedScale(directory: string, size: HistorySize, instances: number): void {
  seedHistory(directory, size);
  const database = new Database(join(directory, "signet.db"));
  const environment = database.prepare<[], { id: string }>("select id from environments where name = 'dev'").get();
  const token = database.prepare<[], { id: number }>("select id from tokens order by id limit 1").get();
  const insert = database.prepare(
    `insert into instances (instance_id, key_prefix, state, labels, last_seen, environment_id, token_id, applied_sequence,
     applied_version, reported_sequence, reason, agent, live_until) values (?, 'sgn_rt_seed', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const now = Date.now();
  const [seen, until] = [new Date(now).toISOString(), new Date(now + 3_600_000).toISOString()];
  database.transaction(() => {
    for (let n = 0; n < instances; n += 1) {
      const isRejected = n % 10 === 3;
      const applied = size.versions - (isRejected || n % 10 === 7 ? 1 : 0);
      const reported = isRejected ? size.versions : applied;
      const labels = JSON.stringify({ region: ["eu", "us", "ap"][n % 3], rack: String(n % 40) });
      insert.run(
        ...[`node-${String(n).padStart(5, "0")}`, isRejected ? "rejected" : "applied", labels, seen],
        ...[environment?.id, token?.id, applied, applied, reported, isRejected ? "rule 17: unknown action" : null],
        ...["edge/2.0.1", until],
      );
    }
  })();
  database.close();
}
