import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../src/server/server.js";
import { startCluster, type Cluster } from "../../tools/postgres/cluster.js";
import { startStandby, type Standby } from "../support/postgres/standby.js";
import { ADMIN_TOKEN, testConfig } from "../support/server.js";

/** Activations that the standby never gets. */
const LOST = Number(process.env["SIGNET_TEST_ACTIVATIONS"] ?? 6);
const WATCHERS_A_NODE = 2;

/** All that any runtime saw or any publisher was answered: contents by number. */
class Seen {
  readonly bySequence = new Map<number, Set<string>>();
  readonly byVersion = new Map<number, Set<string>>();

  sequence(sequence: number, content: string): void {
    add(this.bySequence, sequence, content);
  }

  version(version: number, content: string): void {
    add(this.byVersion, version, content);
  }

  /** The numbers with more than one content. */
  ambiguous(): readonly string[] {
    return [...this.bySequence, ...this.byVersion].flatMap(([number, contents]) =>
      contents.size > 1 ? [`${number}: ${[...contents].join(", ")}`] : [],
    );
  }
}

function add(table: Map<number, Set<string>>, number: number, content: string): void {
  const contents = table.get(number) ?? new Set();
  table.set(number, contents.add(content));
}

describe("after the failover to a standby that lacks acknowledged changes", () => {
  let folder = "";
  let primary: Cluster;
  let standby: Standby;
  let url = "";
  const nodes: RunningServer[] = [];
  const connections: Disposable[] = [];
  const end = new AbortController();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "signet-failover-"));
    primary = await startCluster();
    const first = await primary.createDatabase("signet");
    standby = await startStandby(primary);
    url = first.replace(`127.0.0.1:${primary.port}`, `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`);
    for (const name of ["a", "b"]) nodes.push(await start(name));
  });
  afterAll(async () => {
    end.abort();
    for (const connection of connections) connection[Symbol.dispose]();
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await standby[Symbol.asyncDispose]();
    await primary[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(name: string): Promise<RunningServer> {
    const config = testConfig({
      SIGNET_DATA: join(folder, name),
      SIGNET_DATABASE_URL: url,
      SIGNET_KEY_SECRET: "a-secret-of-the-test-that-is-long-enough",
      SIGNET_NODE_NAME: name,
    });
    return await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS);
  }

  function clientOf(node: RunningServer | undefined, token = ADMIN_TOKEN): SignetClient {
    const connection = openNodeTransport({ url: node?.url ?? "", timeoutMs: 60_000, tls: {} });
    connections.push(connection);
    return createSignetClient({ transport: connection.transport, token });
  }

  async function until<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch {
        await wait(20);
      }
    }
  }

  it("no number ever has two contents, and all end on what is active, with a higher sequence", async () => {
    const seen = new Seen();
    const [a, b] = nodes.map((node) => clientOf(node));
    if (a === undefined || b === undefined) throw new Error("no nodes");
    const { orgId } = nodes[0]?.firstStart ?? { orgId: "" };
    const project = await a.organizations.createProject({ orgId, name: "failover" });
    const place = { orgId, projectId: project.id, envName: "prod" };
    const key = project.runtimeKeys.find(({ envName }) => envName === "prod")?.rawKey ?? "";
    let published = 0;
    const publish = async (client: SignetClient) => {
      const { bundle } = await client.bundles
        .publishBundle({ ...place, policies: `{"n":${(published += 1)}}` })
        .then((answer) => ({ bundle: answer }));
      seen.version(bundle.version, bundle.policyHash);
      seen.sequence(bundle.sequence ?? 0, bundle.policyHash);
      return bundle;
    };
    await publish(a);
    await publish(b);

    // Each of them says with which activation it comes back, as the SDK does.
    const last: { sequence: number; deploymentId: string | undefined }[] = [];
    const watch = async (node: RunningServer | undefined, at: number) => {
      const client = clientOf(node, key);
      while (!end.signal.aborted) {
        const { sequence: afterSequence = 0, deploymentId: afterDeploymentId = "" } = last[at] ?? {};
        const request = { instanceId: `watcher-${at}`, afterSequence, afterDeploymentId };
        try {
          for await (const { event, sequence, deploymentId } of client.runtimes.watchBundle(request, {
            signal: end.signal,
          })) {
            if (event.case === "activation") seen.sequence(sequence, event.value.policyHash);
            last[at] = { sequence, deploymentId };
          }
        } catch {
          await wait(10);
        }
      }
    };
    const poll = async () => {
      for (let count = 0; !end.signal.aborted; count += 1) {
        const headers = { authorization: `Bearer ${key}` };
        const answer = await fetch(`${nodes[count % 2]?.url ?? ""}/v1/bundles/latest`, { headers }).catch(() => null);
        if (answer?.status === 200) {
          const [hash = "", sequence] = (answer.headers.get("etag") ?? "").replaceAll('"', "").split(".");
          seen.sequence(Number(sequence), hash);
          polls.push(Number(sequence));
          await answer.arrayBuffer();
        }
        await wait(5);
      }
    };
    const polls: number[] = [];
    const running = nodes.flatMap((node, at) =>
      Array.from({ length: WATCHERS_A_NODE }, (_, index) => watch(node, at * WATCHERS_A_NODE + index)),
    );
    running.push(poll());
    const areAt = (sequence: number) =>
      last.length === nodes.length * WATCHERS_A_NODE && last.every((it) => it.sequence === sequence);

    const before = await publish(a);
    await standby.caughtUp();
    await standby.stopReplication();
    let lost = before;
    for (let count = 0; count < LOST; count += 1) {
      if (count % 3 !== 2) lost = await publish(count % 2 === 0 ? a : b);
      else {
        const version = lost.version - 1;
        const again = await a.bundles.activateBundle({ ...place, version });
        seen.sequence(again.sequence ?? 0, again.policyHash);
        lost = { ...lost, sequence: again.sequence };
      }
    }
    const lostSequence = lost.sequence ?? 0;
    expect(lostSequence).toBe((before.sequence ?? 0) + LOST);
    await expect.poll(() => areAt(lostSequence), { timeout: 20_000 }).toBe(true);

    const downMs = performance.now();
    await primary.crash();
    await standby.promote();
    // At once, on a node that has not looked yet, perhaps.
    const next = await until(() => publish(b));
    const upMs = performance.now();
    expect(next.sequence).toBeGreaterThan(lostSequence + 1);
    expect(next.version).toBeGreaterThan(lost.version);
    await expect.poll(() => areAt(next.sequence ?? 0), { timeout: 30_000 }).toBe(true);
    await expect.poll(() => polls.at(-1), { timeout: 10_000 }).toBe(next.sequence);
    const healedMs = performance.now();

    const c = await start("c");
    nodes.push(c);
    const fresh = await clientOf(c, key).runtimes.getLatestBundle({
      afterSequence: lostSequence,
      afterDeploymentId: "lost",
    });
    expect(fresh.sequence).toBe(next.sequence);
    end.abort();
    await Promise.all(running);
    expect(seen.ambiguous()).toEqual([]);
    const { events } = await clientOf(c).audit.listAuditEvents({ orgId, action: "environment.history_lost" });
    expect(events.map(({ resourceId, actor }) => [resourceId, actor])).toEqual([
      [project.environments.find(({ name }) => name === "prod")?.id, "system"],
    ]);
    expect(await clientOf(c).audit.verifyAudit({ orgId })).toMatchObject({ valid: true });
    if (process.env["SIGNET_TEST_ACTIVATIONS"] !== undefined) {
      const figures = {
        ...{ lost: LOST, sequences: seen.bySequence.size, versions: seen.byVersion.size, polls: polls.length },
        ...{ ambiguous: seen.ambiguous().length, from: before.sequence, served: lostSequence, then: next.sequence },
        ...{ firstChangeMs: Math.round(upMs - downMs), allHealedMs: Math.round(healedMs - downMs) },
      };
      process.stdout.write(`${JSON.stringify(figures)}\n`);
    }
  });
});
