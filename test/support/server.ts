import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadConfig, type Config } from "../../src/config/config.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport, type NodeTransportTls } from "../../src/sdk/node-transport.js";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../src/server/server.js";

export const ADMIN_TOKEN = "test-admin-token-0123456789";

/**
 * A server of the test's own: real SQLite in a temporary directory, any free port, no rate limits. In the project "postgres" these are two
 * servers on one database, and whoever asks for `url`, or calls through a client, gets the next of them.
 */
export interface TestServer extends AsyncDisposable {
  readonly server: RunningServer;
  readonly url: string;
  readonly directory: string;
  readonly orgId: string;
  readonly projectId: string;
  /** As the operator's admin, over gRPC. */
  readonly admin: SignetClient;
  clientFor(token: string): SignetClient;
}

/** How a test's server differs from the others. */
export interface TestServerOptions {
  /** What its clients have. */
  readonly tls?: NodeTransportTls;
  /** Of what one node has for itself alone, such as a rate limit, a budget of streams or its files: one server, on whichever store. */
  readonly oneNode?: boolean;
}

/** Starts one; `settings` are environment variables on top of the test's own. */
export async function startTestServer(
  settings: Readonly<Record<string, string>> = {},
  options: TestServerOptions = {},
): Promise<TestServer> {
  if (process.env.SIGNET_TEST_STORE === "postgres") return await startOnPostgres(settings, options);
  const directory = await mkdtemp(join(tmpdir(), "signet-test-"));
  const config = testConfig({ SIGNET_DATA: directory, ...settings });
  const { tls = {} } = options;
  const server = await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS);
  const connection = openNodeTransport({ url: server.url, timeoutMs: 60_000, tls });
  const clientFor = (token: string) => createSignetClient({ transport: connection.transport, token });
  const { firstStart } = server;
  if (firstStart === null) throw new Error("a new directory that is not new");
  return {
    server,
    url: server.url,
    directory,
    orgId: firstStart.orgId,
    projectId: firstStart.projectId,
    admin: clientFor(ADMIN_TOKEN),
    clientFor,
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function startOnPostgres(
  settings: Readonly<Record<string, string>>,
  { tls = {}, oneNode = false }: TestServerOptions,
): Promise<TestServer> {
  const { startNodes } = await import("./two-nodes.js");
  const nodes = await startNodes(oneNode ? 1 : 2, settings, tls);
  const [server] = nodes.servers;
  const { firstStart } = server;
  if (firstStart === null) throw new Error("a new database that is not new");
  const clientFor = (token: string) => createSignetClient({ transport: nodes.transport, token });
  let asked = 0;
  return {
    server,
    get url() {
      return (nodes.servers[(asked += 1) % nodes.servers.length] ?? server).url;
    },
    get directory(): string {
      throw new Error("no file: this test is of SQLite alone");
    },
    orgId: firstStart.orgId,
    projectId: firstStart.projectId,
    admin: clientFor(ADMIN_TOKEN),
    clientFor,
    [Symbol.asyncDispose]: () => nodes[Symbol.asyncDispose](),
  };
}

/** The configuration of a test server. */
export function testConfig(settings: Readonly<Record<string, string>>): Config {
  return loadConfig({
    SIGNET_PORT: "0",
    SIGNET_ADMIN_TOKEN: ADMIN_TOKEN,
    SIGNET_RATE_LIMIT: "0",
    SIGNET_MAX_FAILED_AUTHENTICATIONS: "0",
    SIGNET_LOG_LEVEL: "silent",
    SIGNET_SHUTDOWN_GRACE_MS: "2000",
    SIGNET_DISK_RESERVE_BYTES: "0",
    ...settings,
  });
}
