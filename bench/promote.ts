/**
 * Measures a promotion to many targets in one call: `node dist/bench/promote.js` after the build. Server and client run in this process,
 * on 127.0.0.1, with synchronous=FULL as ever. Says what it measured and judges nothing.
 *
 * TARGETS, ROUNDS and POLICY_BYTES in the environment change a run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { loadConfig } from "../src/config/config.js";
import { createSignetClient, type SignetClient } from "../src/sdk/index.js";
import { openNodeTransport } from "../src/sdk/node-transport.js";
import { startServer } from "../src/server/server.js";

const TARGETS = Number(process.env["TARGETS"] ?? 200);
const ROUNDS = Number(process.env["ROUNDS"] ?? 10);
const POLICY_BYTES = Number(process.env["POLICY_BYTES"] ?? 10_000);
const TOKEN = "bench-admin-token-0123456789";

interface Where {
  readonly orgId: string;
  readonly projectId: string;
}

/** A pipeline with dev in its first stage and the targets in its second. */
async function prepare(client: SignetClient, where: Where) {
  const { id, stages } = await client.pipelines.createPipeline({ displayName: "bench", type: "trunk" });
  const [first = "", second = ""] = stages.map((stage) => stage.id);
  const dev = await client.organizations.getEnvironment({ ...where, envName: "dev" });
  await client.pipelines.addPipelineApp({ id, stageId: first, appId: dev.id });
  const targetAppIds: string[] = [];
  for (let index = 0; index < TARGETS; index += 1) {
    const target = await client.organizations.createEnvironment({ ...where, name: `target-${index}` });
    await client.pipelines.addPipelineApp({ id, stageId: second, appId: target.id });
    targetAppIds.push(target.id);
  }
  return { id, sourceAppId: dev.id, targetAppIds };
}

async function measure(client: SignetClient, where: Where): Promise<void> {
  const request = await prepare(client, where);
  const many: number[] = [];
  const one: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const policies = JSON.stringify({ round, filler: "x".repeat(POLICY_BYTES) });
    await client.bundles.publishBundle({ ...where, envName: "dev", policies });
    const from = performance.now();
    await client.pipelines.promotePipeline(request);
    const between = performance.now();
    await client.pipelines.promotePipeline({ ...request, targetAppIds: request.targetAppIds.slice(0, 1) });
    // The first round warms up.
    if (round === 0) continue;
    many.push(between - from);
    one.push(performance.now() - between);
  }
  console.log(`\nPromotion of ${POLICY_BYTES} bytes in one call, ms, ${ROUNDS} rounds\n`);
  console.table({ [`to ${TARGETS} targets`]: summary(many, TARGETS), "to 1 target": summary(one, 1) });
}

function summary(values: readonly number[], targets: number) {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return {
    median: Number(median.toFixed(1)),
    slowest: Number((sorted.at(-1) ?? NaN).toFixed(1)),
    "for each target": Number((median / targets).toFixed(2)),
  };
}

/** Times pipeline promotions: to many targets, and to one. */
export async function benchPromote(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
  const settings = { SIGNET_PORT: "0", SIGNET_DATA: directory, SIGNET_ADMIN_TOKEN: TOKEN, SIGNET_RATE_LIMIT: "0" };
  const server = await startServer(loadConfig(settings), pino({ level: "silent" }));
  const connection = openNodeTransport({ url: server.url, timeoutMs: 60_000 });
  try {
    const { firstStart } = server;
    if (firstStart === null) throw new Error("a new directory that is not new");
    console.log(`Node ${process.version}, ${availableParallelism()} cores, ${new Date().toISOString()}`);
    await measure(createSignetClient({ transport: connection.transport, token: TOKEN }), firstStart);
  } finally {
    connection[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchPromote();
