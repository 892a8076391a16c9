import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { DEFAULT_OPTIONS, startServer, type RunningServer } from "../../src/server/server.js";
import { runSignet } from "../cli/in-process.js";
import { testDatabase, type TestDatabase } from "../support/postgres/test-database.js";
import { ADMIN_TOKEN, testConfig } from "../support/server.js";
import { aRoot, publicKeyOf, rootEnvelope, testKey } from "../support/trust.js";

let folder = "";
let database: TestDatabase;
const nodes: RunningServer[] = [];
const connections: Disposable[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signet-nodes-"));
  database = await testDatabase();
  for (const name of ["a", "b"]) await start(name);
});
afterAll(async () => {
  for (const connection of connections) connection[Symbol.dispose]();
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function start(name: string): Promise<void> {
  const config = testConfig({
    SIGNET_DATA: join(folder, name),
    SIGNET_DATABASE_URL: database.url,
    SIGNET_KEY_SECRET: "a-secret-of-the-test-that-is-long-enough",
    SIGNET_NODE_NAME: name,
  });
  nodes.push(await startServer(config, pino({ level: "silent" }), DEFAULT_OPTIONS));
}

function clientOf(node: RunningServer | undefined, token = ADMIN_TOKEN): SignetClient {
  const connection = openNodeTransport({ url: node?.url ?? "", timeoutMs: 60_000, tls: {} });
  connections.push(connection);
  return createSignetClient({ transport: connection.transport, token });
}

const signet = (node: RunningServer | undefined, argv: readonly string[]) =>
  runSignet(argv, { environment: { SIGNET_URL: node?.url ?? "", SIGNET_TOKEN: ADMIN_TOKEN } });

describe("two servers on one database", () => {
  it("each list both, with their names, addresses and states", async () => {
    for (const [at, node] of nodes.entries()) {
      const { data } = await clientOf(node).system.listNodes({});
      expect(data.map(({ name, url, state, answering }) => ({ name, url, state, answering }))).toEqual(
        nodes.map(({ url }, index) => ({ name: "ab"[index], url, state: "live", answering: index === at })),
      );
      expect(data.every(({ lagMs }) => lagMs !== undefined && lagMs < 30_000)).toBe(true);
    }
    const { out } = await signet(nodes[0], ["nodes"]);
    expect(out).toMatch(/^a +live .*\n.*b +live /m);
    expect((await signet(nodes[1], ["status"])).out).toMatch(/^nodes +2 live$/m);
  });

  it("give out the same lease, and push a root that was published on the other", async () => {
    const [a, b] = nodes;
    const admin = clientOf(a);
    const { orgId, projectId } = a?.firstStart ?? { orgId: "", projectId: "" };
    const place = { orgId, projectId, envName: "staging" };
    await admin.bundles.publishBundle({ ...place, policies: '{"n":1}' });
    const { id: environmentId } = await admin.organizations.getEnvironment(place);
    const { rawKey = "" } = await admin.tokens.createRuntimeToken({ orgId, projectId, environmentId, name: "trust" });
    const [online] = (await admin.trust.getTrust({ orgId, projectId })).serverKeys;
    const owner = testKey("owner");
    const server = publicKeyOf(online?.publicKey ?? "");
    const root = aRoot({ orgId, projectId, server, owner, authors: [] });
    const publish = async (version: number) => {
      const envelope = await rootEnvelope({ ...root, version }, owner);
      await admin.trust.publishRoot({ orgId, projectId, envelope });
      return envelope;
    };
    await publish(1);
    const polled = async (node: RunningServer | undefined) =>
      (await clientOf(node, rawKey).runtimes.getLatestAttestation({})).attestation;
    // Between the two answers a minute may have begun.
    await expect.poll(async () => (await polled(a)) === (await polled(b))).toBe(true);

    const end = new AbortController();
    const watch = clientOf(b, rawKey).runtimes.watchBundle({ rootVersion: 1 }, { signal: end.signal });
    const events = watch[Symbol.asyncIterator]();
    const next = async () => {
      const result = await events.next();
      if (result.done === true) throw new Error("the stream ended");
      return result.value.event;
    };
    expect((await next()).case).toBe("activation");
    const envelope = await publish(2);
    const pushed = await next();
    if (pushed.case !== "trustRoot") throw new Error(`no root but ${pushed.case}`);
    expect([pushed.value.version, JSON.parse(pushed.value.envelope)]).toEqual([2, JSON.parse(envelope)]);
    const beat = await next();
    if (beat.case !== "heartbeat") throw new Error(`no heartbeat but ${beat.case}`);
    expect(Object.keys(JSON.parse(beat.value.attestation ?? "{}") as object)).toEqual(["lease"]);
    end.abort();
  });

  it("show an instance as connected whose watch is on the other, and where it moved to", async () => {
    const [a, b] = nodes;
    const admin = clientOf(a);
    const { orgId, projectId } = a?.firstStart ?? { orgId: "", projectId: "" };
    await admin.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: '{"n":1}' });
    const { id: environmentId } = await admin.organizations.getEnvironment({ orgId, projectId, envName: "dev" });
    const { rawKey = "" } = await admin.tokens.createRuntimeToken({ orgId, projectId, environmentId });
    const seen = async (node: RunningServer | undefined) => {
      const { data } = await clientOf(node).runtimes.listFleet({ orgId });
      return data.map(({ instanceId, connected, live }) => ({ instanceId, connected, live }));
    };
    const watch = async (node: RunningServer | undefined) => {
      const end = new AbortController();
      const events = clientOf(node, rawKey).runtimes.watchBundle({ instanceId: "i" }, { signal: end.signal });
      await events[Symbol.asyncIterator]().next();
      return end;
    };
    const open = [{ instanceId: "i", connected: true, live: true }];
    const first = await watch(a);
    for (const node of nodes) await expect.poll(() => seen(node), { timeout: 10_000 }).toEqual(open);
    await watch(b);
    first.abort();
    // The end of the first is written by now: a list writes what the node knows.
    await seen(a);
    for (const node of nodes) await expect.poll(() => seen(node), { timeout: 10_000 }).toEqual(open);
  });

  it("know at once that one of them stopped", async () => {
    await nodes.pop()?.[Symbol.asyncDispose]();
    const { data } = await clientOf(nodes[0]).system.listNodes({});
    expect(data.map(({ name, state }) => [name, state])).toEqual([
      ["a", "live"],
      ["b", "stopped"],
    ]);
    expect((await signet(nodes[0], ["status"])).out).not.toMatch(/^nodes/m);
  });
});
