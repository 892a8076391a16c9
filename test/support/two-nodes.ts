import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Transport } from "@connectrpc/connect";
import { pino } from "pino";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../src/server/server.js";
import { openNodeTransport, type NodeTransport, type NodeTransportTls } from "../../src/sdk/node-transport.js";
import { keepCheapSet, SECRET } from "../service/keys/shared-node.js";
import { openOnPostgres } from "../store/temporary-store.js";
import { testDatabase, type DatabaseTemplate, type TestDatabase } from "./postgres/test-database.js";
import { testConfig } from "./server.js";

/** A database with the newest schema and keys that cost little to open. */
const WITH_KEYS: DatabaseTemplate = {
  name: "with_keys",
  async fill(url) {
    await using store = await openOnPostgres(url);
    await keepCheapSet(store);
  },
};

/** Servers on one database, and what a client needs to move between them. */
export interface Nodes extends AsyncDisposable {
  readonly servers: readonly [RunningServer, ...RunningServer[]];
  readonly database: TestDatabase;
  /** Each unary call goes to the next node; a stream stays where it was opened. */
  readonly transport: Transport;
}

/** Starts that many nodes, one after the other, on a database of their own. */
export async function startNodes(
  count: number,
  settings: Readonly<Record<string, string>>,
  tls: NodeTransportTls,
): Promise<Nodes> {
  const folder = await mkdtemp(join(tmpdir(), "signet-nodes-"));
  const database = await testDatabase(WITH_KEYS);
  const start = async (number: number) => {
    const config = testConfig({
      SIGNET_DATA: join(folder, String(number)),
      SIGNET_DATABASE_URL: database.url,
      SIGNET_KEY_SECRET: SECRET,
      SIGNET_NODE_NAME: `node-${number}`,
      ...settings,
    });
    return await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS);
  };
  const servers: [RunningServer, ...RunningServer[]] = [await start(1)];
  for (let number = 2; number <= count; number += 1) servers.push(await start(number));
  const connections = servers.map(({ url }) => openNodeTransport({ url, timeoutMs: 60_000, tls }));
  return {
    ...{ servers, database, transport: inTurn(connections) },
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection[Symbol.dispose]();
      for (const server of servers) await server[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function inTurn(connections: readonly NodeTransport[]): Transport {
  let calls = 0;
  const next = (): Transport => {
    const connection = connections[(calls += 1) % connections.length];
    if (connection === undefined) throw new Error("no node");
    return connection.transport;
  };
  return {
    unary: (...call) => next().unary(...call),
    stream: (...call) => next().stream(...call),
  };
}
