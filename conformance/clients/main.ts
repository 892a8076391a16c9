/**
 * Holds the OpenAPI document to what others generate from it: `node dist/conformance/clients/main.js [NAME ...]`. Each client is
 * generated and compiled, and its driver publishes and promotes on a whole server. Exit code 1 when one fails; one whose tools are not
 * there is said to be not checked.
 */
import { strict as assert } from "node:assert";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { startServer } from "../../src/server/server.js";
import { NotThere, run } from "./command.js";
import { RECIPES, type Recipe } from "./recipes.js";

const TOKEN = "conformance-admin-token-0123456789";
const POLICIES = { pii: { enabled: true }, threshold: 0.5, limit: 4294967295 };

interface Place {
  readonly url: string;
  readonly orgId: string;
  readonly admin: SignetClient;
}

/** Makes the client, lets it publish and promote in a project of its own, and looks at what the server has then. */
async function check({ name, build }: Recipe, directory: string, { url, orgId, admin }: Place): Promise<void> {
  await mkdir(directory);
  const { program, args } = await build(directory);
  const { id: projectId } = await admin.organizations.createProject({ orgId, name });
  const names = { ORG_ID: orgId, PROJECT_ID: projectId, CLIENT_NAME: name };
  await run(program, args, { cwd: directory, env: { SIGNET_URL: url, SIGNET_TOKEN: TOKEN, ...names } });
  const environment = { orgId, projectId, envName: "staging" };
  const { bundles } = await admin.bundles.listBundles(environment);
  assert.deepEqual(
    bundles.map(({ origin, isActive, publishedBy, title, labels }) => ({
      origin,
      isActive,
      publishedBy,
      title,
      labels,
    })),
    [{ origin: "promote", isActive: true, publishedBy: name, title: name, labels: { client: name } }],
  );
  const { policiesJson } = await admin.bundles.getBundle({ ...environment, version: 1 });
  assert.deepEqual(JSON.parse(policiesJson), POLICIES);
}

async function resultOf(checked: Promise<void>): Promise<"ok" | "not checked" | "FAILED"> {
  try {
    await checked;
    return "ok";
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return error instanceof NotThere ? "not checked" : "FAILED";
  }
}

const wanted = process.argv.slice(2);
const recipes = RECIPES.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
if (recipes.length === 0) throw new Error(`no such client; there are: ${RECIPES.map(({ name }) => name).join("; ")}`);
const directory = await mkdtemp(join(tmpdir(), "signet-clients-"));
try {
  const settings = {
    SIGNET_HOST: "127.0.0.1",
    SIGNET_PORT: "0",
    SIGNET_LOG_LEVEL: "silent",
    SIGNET_ADMIN_TOKEN: TOKEN,
  };
  await using server = await startServer(loadConfig({ ...settings, SIGNET_DATA: join(directory, "data") }));
  using connection = openNodeTransport({ url: server.url, timeoutMs: 60_000 });
  const admin = createSignetClient({ transport: connection.transport, token: TOKEN });
  const orgId = server.firstStart?.orgId ?? "";
  for (const [at, recipe] of recipes.entries()) {
    console.log(`\n== ${recipe.name}`);
    const result = await resultOf(check(recipe, join(directory, `client-${at}`), { url: server.url, orgId, admin }));
    if (result === "FAILED") process.exitCode = 1;
    console.log(`${recipe.name}: ${result}`);
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
