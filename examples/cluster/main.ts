/**
 * `npm run cluster`: a PostgreSQL server, three nodes and a balancer on this machine; runtimes that watch while a node is killed; and then
 * a cluster to try things with until Ctrl-C. Nothing is left behind.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { aborted } from "../../src/core/schedule/wait.js";
import { DisposalStack } from "../../src/server/disposal-stack.js";
import { startCluster } from "../../tools/postgres/cluster.js";
import { leaveWatchdog } from "../../tools/postgres/watchdog.js";
import { Balancer } from "./balancer.js";
import { demonstrate } from "./demonstration.js";
import { nextSteps } from "./next-steps.js";
import { NodeProcess } from "./node-process.js";

const PORT = Number(process.env["SIGNET_PORT"] ?? 8080);
const PROGRAM = fileURLToPath(new URL("../../src/main.js", import.meta.url));

const say = (text: string) => void process.stdout.write(`${text}\n`);

async function run(stack: DisposalStack, signal: AbortSignal): Promise<void> {
  say("1. PostgreSQL, three nodes and a balancer, each node a process of its own");
  const directory = mkdtempSync(join(tmpdir(), "signet-cluster-"));
  const watchdog = leaveWatchdog('sleep 1; rm -rf "$1"', directory);
  stack.defer(async () => {
    rmSync(directory, { recursive: true, force: true });
    watchdog.dismiss();
  });
  const postgres = stack.use(await startCluster());
  signal.throwIfAborted();
  say(`   PostgreSQL ${postgres.major} at 127.0.0.1:${postgres.port}`);

  const adminToken = randomBytes(24).toString("hex");
  const tokenFile = join(directory, "admin-token");
  writeFileSync(tokenFile, adminToken, { mode: 0o600 });
  const settings = {
    SIGNET_DATABASE_URL: await postgres.createDatabase("signet"),
    SIGNET_KEY_SECRET: randomBytes(32).toString("base64"),
    SIGNET_ADMIN_TOKEN_FILE: tokenFile,
  };
  const nodes = await Promise.all(
    ["node1", "node2", "node3"].map(async (name) => {
      const node = stack.use(await NodeProcess.start(name, directory, [PROGRAM], settings));
      say(`   ${name} at ${node.url}, process ${node.pid}`);
      return node;
    }),
  );
  const balancer = stack.use(
    await Balancer.open(
      nodes.map(({ port }) => port),
      PORT,
    ),
  );
  say(`   balancer at ${balancer.url}`);
  await demonstrate({ url: balancer.url, nodes, adminToken }, say, signal);
  say(nextSteps(balancer.url, tokenFile, nodes));
  await aborted(signal);
}

const stop = new AbortController();
// The second Ctrl-C of somebody in a hurry must not leave the nodes to themselves.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stop.abort());
const stack = new DisposalStack();
try {
  await run(stack, stop.signal);
} catch (thrown) {
  if (!stop.signal.aborted) {
    console.error(thrown);
    process.exitCode = 1;
  }
} finally {
  if (stop.signal.aborted) say("\nStopping: the nodes, then PostgreSQL.");
  await stack[Symbol.asyncDispose]();
}
