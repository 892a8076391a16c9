import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadConfig, type Config } from "../../src/config/config.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport, type NodeTransportTls } from "../../src/sdk/node-transport.js";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../src/server/server.js";

export const ADMIN_TOKEN = "test-admin-token-0123456789";

/** A server of the test's own: real SQLite in a temporary directory, any free port, no rate limits. */
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
}

/** Starts one; `settings` are environment variables on top of the test's own. */
export async function startTestServer(
  settings: Readonly<Record<string, string>> = {},
  options: TestServerOptions = {},
): Promise<TestServer> {
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
