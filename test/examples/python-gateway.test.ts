import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { formatMessage } from "../../src/sdk/index.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { PYTHON_SDK, pythonWith } from "./python.js";

const EXAMPLES = join(import.meta.dirname, "../../examples");
const WORKERS = 4;
/** The process that forked the workers follows and reports, too. */
const INSTANCES = WORKERS + 1;
const GATEWAY_MS = 120_000;

const scratch = mkdtempSync(join(tmpdir(), "signet-gateway-"));
const log: string[] = [];
let server: TestServer;
let gunicorn: ChildProcess;
let gateway: string;
let good: string;
let strict: string;

/** An answer of the gateway, with its status. */
interface Answer {
  readonly status: number;
  readonly text?: string;
  readonly error?: string;
  readonly policy?: { readonly worker: number; readonly version: number };
}

async function ask(text: string, tool?: string): Promise<Answer> {
  const response = await fetch(`${gateway}/v1/messages`, { method: "POST", body: JSON.stringify({ text, tool }) });
  return { status: response.status, ...((await response.json()) as object) };
}

/** The same of several workers at once. */
async function askMany(text: string, tool?: string): Promise<readonly Answer[]> {
  return await Promise.all(Array.from({ length: 4 * WORKERS }, () => ask(text, tool)));
}

async function publish(envName: string, policies: string): Promise<void> {
  const { admin, orgId, projectId } = server;
  await admin.bundles.publishBundle({ orgId, projectId, envName, policies });
}

/** Waits until all instances have said what they did with what is active; the reasons of those that rejected it. */
async function settled(): Promise<{ readonly version: number | undefined; readonly rejected: readonly string[] }> {
  const { admin, orgId, projectId } = server;
  const stop = new AbortController();
  gunicorn.once("exit", () => stop.abort(new Error(log.join(""))));
  const fleet = admin.watches.watchEnvironments(
    { orgId, projectId, topics: ["fleet"] },
    { signal: stop.signal, timeoutMs: 0 },
  );
  for await (const { event } of fleet) {
    if (event.case !== "fleet") continue;
    const rollout = await admin.runtimes.getRollout({ orgId, projectId, envName: "prod" });
    const { applied, rejected, version, laggards } = rollout;
    if (applied + rejected === INSTANCES) return { version, rejected: laggards.map(({ reason = "" }) => reason) };
  }
  throw new Error(log.join(""));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await once(probe.close(), "close");
  return port;
}

beforeAll(async () => {
  const python = pythonWith("cryptography", "gunicorn");
  good = await readFile(join(EXAMPLES, "policies/guardrails.json"), "utf8");
  strict = JSON.stringify(parse(await readFile(join(EXAMPLES, "policies/guardrails-strict.yaml"), "utf8")));
  server = await startTestServer();
  const { admin, orgId, projectId, url } = server;
  const environmentId = (await admin.organizations.getEnvironment({ orgId, projectId, envName: "prod" })).id;
  const { rawKey = "" } = await admin.tokens.createRuntimeToken({ orgId, projectId, environmentId, name: "gateway" });
  const { keys } = await admin.bundles.listKeys({});
  const files = {
    token: rawKey,
    "identity.json": formatMessage(await server.clientFor(rawKey).tokens.whoAmI({})),
    "keys.json": `[${keys.map(formatMessage).join(",")}]`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(scratch, name), text);
  const port = await freePort();
  gateway = `http://127.0.0.1:${port}`;
  const listen = ["--preload", "--workers", String(WORKERS), "--bind", `127.0.0.1:${port}`];
  gunicorn = spawn(python, ["-m", "gunicorn", ...listen, "gateway:app"], {
    cwd: join(EXAMPLES, "python-gateway"),
    env: {
      ...process.env,
      PYTHONPATH: PYTHON_SDK,
      PYTHONDONTWRITEBYTECODE: "1",
      SIGNET_URL: url,
      SIGNET_TOKEN_FILE: join(scratch, "token"),
      SIGNET_IDENTITY: join(scratch, "identity.json"),
      SIGNET_TRUST: join(scratch, "keys.json"),
      SIGNET_CACHE: join(scratch, "cache"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const listening = new Promise<void>((resolve, reject) => {
    gunicorn.once("exit", () => reject(new Error(log.join(""))));
    for (const stream of [gunicorn.stdout, gunicorn.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        log.push(text);
        if (log.join("").split("Booting worker").length > WORKERS) resolve();
      });
  });
  await listening;
}, GATEWAY_MS);

afterAll(async () => {
  if (gunicorn?.exitCode === null) {
    gunicorn.kill("SIGKILL");
    await once(gunicorn, "exit");
  }
  await server?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
});

it("lets nothing through while it knows no policy", async () => {
  expect(await ask("hello")).toMatchObject({ status: 503, error: "no_policy" });
  expect((await fetch(`${gateway}/healthz`)).status).toBe(503);
});

it("applies a publication in all workers, and decides by it", { timeout: GATEWAY_MS }, async () => {
  await publish("prod", good);
  expect(await settled()).toEqual({ version: 1, rejected: [] });
  const answers = await askMany("write to eve@example.com", "search");
  expect(new Set(answers.map(({ status, text, policy }) => `${status} ${text} ${policy?.version}`))).toEqual(
    new Set(["200 write to [email] 1"]),
  );
  expect(await ask("2+2", "calculator")).toMatchObject({ status: 200, text: "2+2" });
  expect(await ask("rm -rf", "shell")).toMatchObject({ status: 403, error: "tool_not_allowed" });
  expect(await ask("AKIAABCDEFGHIJKLMNOP")).toMatchObject({ status: 403, error: "secret" });
  expect(await ask("EXAMPLE_API_KEY")).toMatchObject({ status: 200 });
  expect(await ask("x".repeat(100_001))).toMatchObject({ status: 403, error: "input_too_long" });
  for (const body of ["", "[]", '{"text": 1}', '{"text": "a", "tool": []}', "[".repeat(100_000)]) {
    const refused = await fetch(`${gateway}/v1/messages`, { method: "POST", body });
    expect(refused.status, body.slice(0, 40)).toBe(400);
    await refused.arrayBuffer();
  }
});

it("flips after a promotion, and back after a rollback", { timeout: GATEWAY_MS }, async () => {
  const { admin, orgId, projectId } = server;
  await publish("staging", strict);
  await admin.bundles.promoteBundle({ orgId, projectId, sourceEnv: "staging" });
  expect(await settled()).toEqual({ version: 2, rejected: [] });
  for (const answer of await askMany("2+2", "calculator"))
    expect(answer).toMatchObject({ status: 403, error: "tool_not_allowed", policy: { version: 2 } });
  expect(await ask("write to eve@example.com")).toMatchObject({ status: 403, error: "personal_data" });
  await admin.bundles.rollbackBundle({ orgId, projectId, envName: "prod" });
  expect(await settled()).toEqual({ version: 1, rejected: [] });
  for (const answer of await askMany("2+2", "calculator"))
    expect(answer).toMatchObject({ status: 200, policy: { version: 1 } });
});

it("rejects what it cannot enforce, says why, and keeps the one before", { timeout: GATEWAY_MS }, async () => {
  await publish("prod", good.replace('"REDACT"', '"SHRED"'));
  const { rejected } = await settled();
  expect(rejected).toHaveLength(INSTANCES);
  for (const reason of rejected) expect(reason).toContain("pii.action: SHRED is neither REDACT nor BLOCK");
  for (const answer of await askMany("write to eve@example.com"))
    expect(answer).toMatchObject({ status: 200, text: "write to [email]", policy: { version: 1 } });
  await publish("prod", strict);
  expect(await settled()).toEqual({ version: 4, rejected: [] });
});

it("replaces a worker that was killed, and goes on without the server", { timeout: GATEWAY_MS }, async () => {
  const { policy } = await ask("hello");
  const exits = new Promise<void>((resolve) => {
    const before = log.join("").split("Booting worker").length;
    gunicorn.stderr?.on("data", () => {
      if (log.join("").split("Booting worker").length > before) resolve();
    });
  });
  process.kill(policy?.worker ?? 0, "SIGKILL");
  await exits;
  await server.server[Symbol.asyncDispose]();
  for (const answer of await askMany("2+2", "calculator"))
    expect(answer).toMatchObject({ status: 403, error: "tool_not_allowed", policy: { version: 4 } });
  const ended = once(gunicorn, "exit");
  gunicorn.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});
