import { randomUUID } from "node:crypto";
import { aborted, sleep } from "../../src/core/schedule/wait.js";
import { changeHeaders, createSignetClient, parsePublicKey, SignetError } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { DisposalStack } from "../../src/server/disposal-stack.js";
import type { NodeProcess } from "./node-process.js";
import { Watcher } from "./watcher.js";

const WATCHERS = 12;
const PUBLISHED = 10;
const AGAIN_MS = 100;

/** What is demonstrated with. */
export interface Cluster {
  /** The balancer's. */
  readonly url: string;
  readonly nodes: readonly NodeProcess[];
  readonly adminToken: string;
}

/**
 * Publishes while runtimes watch, kills a node, publishes again, and tells what each runtime has seen. Everything goes through the
 * balancer. Rejects when a runtime went back or refused a bundle, and when the signal aborts; waits for runtimes that miss a bundle.
 */
export async function demonstrate(cluster: Cluster, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  await using stack = new DisposalStack();
  const ended = aborted(signal).then(() => signal.throwIfAborted());
  await Promise.race([show(cluster, say, signal, stack), ended]);
}

async function show(
  { url, nodes, adminToken }: Cluster,
  say: (text: string) => void,
  signal: AbortSignal,
  stack: DisposalStack,
): Promise<void> {
  const connection = openNodeTransport({ url, timeoutMs: 10_000 });
  stack.defer(async () => connection[Symbol.dispose]());
  const client = createSignetClient({ transport: connection.transport, token: adminToken });
  const { orgId } = await client.tokens.whoAmI({});
  const project = { orgId, projectId: "default" };

  const token = await client.tokens.createRuntimeToken({ ...project, environmentId: "dev", expiresInDays: 1 });
  const { keys } = await client.bundles.listKeys({});
  const trusted = keys.filter(({ purpose }) => purpose === "bundles").map((key) => parsePublicKey(key.publicKeyPem));
  const watchers = Array.from({ length: WATCHERS }, (_, n) =>
    stack.use(new Watcher(url, token.rawKey ?? "", trusted, `runtime-${n + 1}`)),
  );
  say(`\n2. ${WATCHERS} runtimes watch dev over gRPC, each through the balancer`);
  await Promise.all(watchers.map((watcher) => watcher.until(({ connections }) => connections === 1)));
  say(`   ${WATCHERS} streams are open, on ${nodes.length} nodes in turn`);

  /** Repeats a call that lost its node; the key makes it the same one. */
  const publish = async (n: number): Promise<number> => {
    const headers = changeHeaders({ idempotencyKey: randomUUID() });
    const request = { ...project, envName: "dev", policies: `{"limit":${n}}`, publishedBy: "cluster example" };
    for (;;) {
      try {
        return (await client.bundles.publishBundle(request, { headers })).sequence ?? 0;
      } catch (thrown) {
        if (!(thrown instanceof SignetError) || thrown.code !== "unavailable") throw thrown;
        await sleep(AGAIN_MS, signal);
        signal.throwIfAborted();
      }
    }
  };
  const allHave = async (sequence: number) => {
    const startedMs = performance.now();
    await Promise.all(watchers.map((watcher) => watcher.until(({ newest }) => newest >= sequence)));
    return Math.round(performance.now() - startedMs);
  };

  say(`\n3. Publish ${PUBLISHED} bundles`);
  let newest = 0;
  for (let n = 1; n <= PUBLISHED; n += 1) newest = await publish(n);
  say(`   all ${WATCHERS} runtimes verified sequence ${newest}, ${await allHave(newest)} ms after the last answer`);

  const [, victim] = nodes;
  if (victim === undefined) throw new RangeError("a cluster has several nodes");
  say(`\n4. Kill ${victim.name} (kill -9 ${victim.pid}), and publish ${PUBLISHED} more at once`);
  await victim.kill();
  for (let n = 1; n <= PUBLISHED; n += 1) newest = await publish(PUBLISHED + n);
  const lateMs = await allHave(newest);
  const moved = watchers.filter(({ connections }) => connections > 1).length;
  say(`   ${moved} runtimes lost their stream, and came back through the balancer to another node`);
  say(`   all ${WATCHERS} runtimes verified sequence ${newest}, ${lateMs} ms after the last answer`);
  const wrong = watchers.filter(({ wentBack }) => wentBack).length;
  const pushes = watchers.reduce((sum, { sequences }) => sum + sequences.length, 0);
  say(`   ${pushes} pushes in all: ${WATCHERS - wrong} of ${WATCHERS} runtimes never went back, and end on the newest`);
  if (wrong > 0) throw new Error(`${wrong} runtimes went back`);
}
