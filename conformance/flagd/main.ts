/**
 * Holds Signet to flagd: `node dist/conformance/flagd/main.js [NAME ...]`, with the programs that conformance/flagd.sh found. Exit code 1
 * when one fails; one that is not there is said to be not checked.
 */
import { strict as assert } from "node:assert";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { daemon, FLAG, flagdCore, pythonProvider, type Reader, type ReaderKind } from "./readers.js";

const TOKEN = "conformance-admin-token-0123456789";
const PROMOTIONS = 10;
/** The promise: a flag changes within a second of a promotion. */
const FLIP_MS = 1_000;
/** HTTP sync asks once a second; what it then does takes time too. */
const POLLED_FLIP_MS = 2_000;
/** Readers come back after a wait of their own: 4 seconds and more in flagd. */
const RECONNECT_MS = 30_000;
/** So long it is looked at whether a value stays. */
const STAYS_MS = 3_000;

const flagSet = (isOn: boolean) =>
  JSON.stringify({
    flags: {
      [FLAG]: { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: isOn ? "on" : "off" },
    },
  });

const { FLAGD: flagd = "", FLAGD_CORE: core = "", FLAGD_PYTHON: python = "" } = process.env;
const READERS: readonly (readonly [name: string, kind: ReaderKind | null, flipMs: number])[] = [
  ["the provider for Python, over gRPC", python === "" ? null : pythonProvider(python), FLIP_MS],
  ["flagd's own core, over gRPC", core === "" ? null : flagdCore(core, "grpc"), FLIP_MS],
  ["flagd's own core, over HTTP", core === "" ? null : flagdCore(core, "http"), POLLED_FLIP_MS],
  [
    "flagd over gRPC",
    flagd === ""
      ? null
      : daemon(flagd, "flagd over gRPC", ({ host }, token) => ({
          ...{ uri: host, provider: "grpc", providerID: "flagd-grpc" },
          headers: { authorization: `Bearer ${token}` },
        })),
    FLIP_MS,
  ],
  [
    "flagd over HTTP",
    flagd === ""
      ? null
      : daemon(flagd, "flagd over HTTP", ({ origin }, token) => ({
          ...{ uri: `${origin}/v1/policies/latest`, provider: "http", interval: 1 },
          authHeader: `Bearer ${token}`,
        })),
    POLLED_FLIP_MS,
  ],
];

/** A server that can be restarted on its port. */
class Restartable implements AsyncDisposable {
  private constructor(
    private readonly directory: string,
    private running: RunningServer,
  ) {}

  static async open(directory: string): Promise<Restartable> {
    return new Restartable(directory, await startServer(configOf(directory, "0")));
  }

  get url(): string {
    return this.running.url;
  }

  get orgId(): string {
    return this.running.firstStart?.orgId ?? "";
  }

  async restart(whileAway: () => Promise<void>): Promise<void> {
    const { port } = new URL(this.url);
    await this.running[Symbol.asyncDispose]();
    await whileAway();
    this.running = await startServer(configOf(this.directory, port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
  }
}

function configOf(directory: string, port: string) {
  return loadConfig({
    ...{ SIGNET_HOST: "127.0.0.1", SIGNET_PORT: port, SIGNET_DATA: directory },
    ...{ SIGNET_LOG_LEVEL: "silent", SIGNET_ADMIN_TOKEN: TOKEN },
  });
}

async function check(kind: ReaderKind, flipMs: number, directory: string): Promise<void> {
  await using server = await Restartable.open(directory);
  using connection = openNodeTransport({ url: server.url, timeoutMs: 60_000 });
  const admin = createSignetClient({ transport: connection.transport, token: TOKEN });
  const { orgId } = server;
  const project = await admin.organizations.createProject({ orgId, name: "flags" });
  const projectId = project.id;
  const key = project.runtimeKeys.find(({ envName }) => envName === "staging");
  const { tokens } = await admin.tokens.listTokens({ orgId, projectId, keyType: "runtime" });
  const keyId = tokens.find(({ environmentId }) => environmentId === key?.envId)?.id ?? 0;
  const dev = { orgId, projectId, envName: "dev" };
  const promote = async (isOn: boolean) => {
    await admin.bundles.publishBundle({ ...dev, policies: flagSet(isOn) });
    const startedMs = performance.now();
    await admin.bundles.promoteBundle({ orgId, projectId, sourceEnv: "dev" });
    return startedMs;
  };
  await using reader = await kind.start(server.url, key?.rawKey ?? "");

  await stays(reader, null);
  console.log("  nothing active: no flag");
  const first = await promote(true);
  console.log(`  first promotion: ${Math.round((await reader.becomes(true, RECONNECT_MS)) - first)} ms`);

  const flips: number[] = [];
  for (let at = 0; at < PROMOTIONS; at += 1) {
    const isOn = at % 2 === 1;
    const startedMs = await promote(isOn);
    flips.push((await reader.becomes(isOn, flipMs)) - startedMs);
  }
  flips.sort((a, b) => a - b);
  const [median = 0, slowest = 0] = [flips[flips.length >> 1], flips.at(-1)];
  console.log(`  ${PROMOTIONS} promotions: median ${Math.round(median)} ms, slowest ${Math.round(slowest)} ms`);

  const startedMs = performance.now();
  await admin.bundles.rollbackBundle({ orgId, projectId, envName: "staging" });
  console.log(`  rollback: ${Math.round((await reader.becomes(false, flipMs)) - startedMs)} ms`);

  await server.restart(() => stays(reader, false));
  await stays(reader, false);
  const afterRestart = await promote(true);
  console.log(
    `  restart: the flag stayed; ${Math.round((await reader.becomes(true, RECONNECT_MS)) - afterRestart)} ms`,
  );

  await revoke(admin, orgId, keyId);
  await promote(false);
  await stays(reader, true);
  console.log("  token revoked: the flag stays as it was");
}

async function revoke(admin: SignetClient, orgId: string, keyId: number): Promise<void> {
  await admin.tokens.revokeToken({ orgId, keyId });
}

async function stays(reader: Reader, value: Reader["value"]): Promise<void> {
  const end = performance.now() + STAYS_MS;
  while (performance.now() < end) {
    assert.equal(reader.value, value);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const wanted = process.argv.slice(2);
const directory = await mkdtemp(join(tmpdir(), "signet-flagd-"));
try {
  for (const [at, [name, kind, flipMs]] of READERS.entries()) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
    console.log(`\n== ${name}`);
    if (kind === null) {
      console.log("not checked: the program is not there");
      continue;
    }
    try {
      await check(kind, flipMs, join(directory, `data-${at}`));
      console.log("ok");
    } catch (error) {
      process.exitCode = 1;
      console.log(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
