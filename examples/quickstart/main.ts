/**
 * Shows the main use of Signet: a server on SQLite, a runtime in another process that watches over gRPC, and a bundle that is
 * published, promoted and rolled back; the runtime verifies each push. The server keeps running afterwards.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../src/config/config.js";
import { createSignetClient, type Bundle, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { startServer, type RunningServer } from "../../src/server/server.js";
import { parse as parseYaml } from "yaml";
import { readAdminToken, startOnFreePort } from "./local-server.js";
import { nextSteps } from "./next-steps.js";
import { startRuntime, type RuntimeProcess } from "./runtime-process.js";

const ENVIRONMENTS = ["dev", "staging", "prod"] as const;
const ACTOR = "quickstart";

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

try {
  await main();
} catch (thrown) {
  say(`\nThe quickstart failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const config = loadConfig({ SIGNET_LOG_LEVEL: "warn", ...process.env });
  say("1. Server: one process, one SQLite file");
  await using server = await startOnFreePort(config, startServer);
  say(`   ${server.url}, data in ${relative(process.cwd(), server.dataDirectory) || "."}`);

  using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
  const token = readAdminToken(config, server);
  const client = createSignetClient({ transport: connection.transport, token });
  try {
    await demonstrate(client, server);
    say(nextSteps(server, config));
    await untilAborted(stop.signal);
  } catch (thrown) {
    // Ctrl-C may come at any time.
    if (!stop.signal.aborted) throw thrown;
  }
  say("\nStopping: streams end, the database closes.");
}

async function demonstrate(client: SignetClient, server: RunningServer): Promise<void> {
  const { orgId } = await client.tokens.whoAmI({});
  const { projects } = await client.organizations.listProjects({ orgId });
  const project = projects.find(({ slug }) => slug === "default");
  if (project === undefined) throw new Error("this data directory has no project called default");
  const base = { orgId, projectId: project.id };

  say("\n2. Runtime: another process, one gRPC stream for each environment");
  const run = `quickstart ${new Date().toISOString()}`;
  const issued = await Promise.all(
    project.environments.map(async ({ id: environmentId, name }) => {
      const made = await client.tokens.createRuntimeToken({ ...base, environmentId, name: run, expiresInDays: 1 });
      return { name, keyId: made.id, rawKey: made.rawKey ?? "" };
    }),
  );
  const { keys } = await client.bundles.listKeys({});
  const runtime = await startRuntime(stop.signal, {
    url: server.url,
    publicKeysPem: keys.filter(({ purpose }) => purpose === "bundles").map(({ publicKeyPem }) => publicKeyPem),
    tokens: Object.fromEntries(issued.map(({ name, rawKey }) => [name, rawKey])),
  });
  say(`   process ${runtime.pid} watches ${ENVIRONMENTS.join(", ")}`);

  say("\n3. Publish, promote, roll back; the runtime verifies each push");
  try {
    await lifecycle(client, base, runtime);
  } finally {
    await runtime[Symbol.asyncDispose]();
  }
  // Not before: revoking the tokens ends the streams.
  await Promise.all(issued.map(({ keyId }) => client.tokens.revokeToken({ orgId, keyId })));

  const report = await client.audit.verifyAudit({ orgId });
  say(
    `\n4. Audit: ${report.checked} events, the chain ${report.valid ? "holds" : `is broken at event ${report.firstBroken}`}`,
  );
}

async function lifecycle(
  client: SignetClient,
  base: { orgId: string; projectId: string },
  runtime: RuntimeProcess,
): Promise<void> {
  const guardrails = readFileSync(example("guardrails.json"), "utf8");
  const strict = JSON.stringify(parseYaml(readFileSync(example("guardrails-strict.yaml"), "utf8")));
  const publish = (policies: string, title: string) =>
    client.bundles.publishBundle({ ...base, envName: "dev", policies, title, publishedBy: ACTOR });
  const promote = (sourceEnv: string) => client.bundles.promoteBundle({ ...base, sourceEnv, promotedBy: ACTOR });
  const arrives = async (what: string, environment: string, bundle: Bundle) => {
    const { sequence = 0, version } = bundle;
    const push = await runtime.applied(environment, sequence);
    const where = `${environment} v${version}`;
    say(
      `   ${what.padEnd(24)} ${where.padEnd(14)} sequence ${String(sequence).padEnd(4)} verified in ${push.latencyMs} ms`,
    );
  };

  await arrives("publish guardrails", "dev", await publish(guardrails, "Guardrails"));
  await arrives("promote to staging", "staging", await promote("dev"));
  const first = await promote("staging");
  await arrives("promote to prod", "prod", first);
  await arrives("publish stricter ones", "dev", await publish(strict, "Stricter guardrails"));
  await arrives("promote to staging", "staging", await promote("dev"));
  await arrives("promote to prod", "prod", await promote("staging"));
  const { version } = first;
  await arrives("roll prod back", "prod", await client.bundles.activateBundle({ ...base, envName: "prod", version }));
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** A file of examples/policies, from the sources as well as from the compiled files. */
function example(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const root = here.includes(join("dist", "examples")) ? join(here, "../../..") : join(here, "../..");
  return join(root, "examples", "policies", name);
}

function say(text: string): void {
  console.log(text);
}
