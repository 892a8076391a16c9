import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RuntimeService, type Activation } from "../../gen/signet/v1/runtime_pb.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { ADMIN_TOKEN, startTestServer, type TestServer } from "../support/server.js";
import { prepareFanOut, promoteTo, type FanOut } from "./fan-out.js";
import { startServerProcess } from "./server-process.js";

const TARGETS = 200;
const KILLS = 8;

describe(`a promotion to ${TARGETS} targets`, () => {
  it("reaches every watcher of every target with exactly its own, and nobody when one target is full", async () => {
    await using server = await startTestServer();
    const { admin, orgId, projectId } = server;
    const fan = await prepareFanOut(admin, TARGETS);
    await using watchers = await watchAll(server, fan);
    await publish(admin, fan, 1);
    const first = await promoteTo(admin, fan);
    const seen = await Promise.all(watchers.all.map((watcher) => watcher.next()));
    for (const [index, { name }] of fan.targets.entries()) {
      const { sequence, deploymentId, document } = seen[index] as Activation;
      expect({ sequence, deploymentId }).toEqual({ sequence: 1, deploymentId: first[index]?.deploymentId });
      expect(JSON.parse(document)).toMatchObject({ environment: name, policies: { n: 1 }, bundle_version: 1 });
    }

    // One more version fits everywhere but in one.
    const full = { orgId, projectId, envName: fan.targets[TARGETS - 1]?.name ?? "" };
    await admin.bundles.publishBundle({ ...full, policies: '{"n":2}', activate: false });
    await admin.organizations.updateOrganization({ orgId, versionsPerEnvironment: 2 });
    const before = await stateOf(admin, fan);
    await expect(promoteTo(admin, fan)).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(await stateOf(admin, fan)).toEqual(before);
    await admin.organizations.updateOrganization({ orgId, versionsPerEnvironment: 10 });
    const second = await promoteTo(admin, fan);
    // The next that a watcher hears of is the second promotion: it heard nothing of the refused one.
    for (const [index, watcher] of watchers.all.entries()) {
      const { sequence, deploymentId } = await watcher.next();
      expect({ sequence, deploymentId }).toEqual({ sequence: 2, deploymentId: second[index]?.deploymentId });
    }
  }, 300_000);

  it("two that race on overlapping targets are in one order everywhere", async () => {
    await using server = await startTestServer();
    const fan = await prepareFanOut(server.admin, 60);
    await publish(server.admin, fan, 1);
    const halves = [fan.targets.slice(0, 40), [...fan.targets.slice(20)].reverse()];
    const racing = Array.from({ length: 6 }, (_, index) =>
      promoteTo(server.admin, fan, halves[index % 2], `racer ${index}`),
    );
    const answers = await Promise.all(racing);
    const histories: string[][] = [];
    for (const { name } of fan.targets) {
      const path = { orgId: fan.orgId, projectId: fan.projectId, envName: name };
      const { bundles } = await server.admin.bundles.listBundles(path);
      expect(bundles.map(({ sequence }) => sequence)).toEqual(bundles.map((_, index) => bundles.length - index));
      histories.push(bundles.map(({ publishedBy = "" }) => publishedBy).reverse());
    }
    const order = histories[30] ?? [];
    expect(order).toHaveLength(6);
    for (const history of histories) expect(history).toEqual(order.filter((by) => history.includes(by)));
    expect(new Set(answers.flat().map(({ deploymentId }) => deploymentId)).size).toBe(6 * 40);
  }, 120_000);

  it(`is whole or not there at all after each of ${KILLS} kill -9`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "signet-fan-out-"));
    let acknowledged = 0;
    try {
      for (let round = 0; round <= KILLS; round += 1) {
        const process = await startServerProcess(directory);
        using connection = openNodeTransport({ url: process.url, timeoutMs: 60_000 });
        const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
        const fan = await prepareFanOut(client, TARGETS);
        await checkWhole(client, fan, acknowledged, round);
        if (round === KILLS) {
          expect(await process.end("SIGTERM")).toEqual({ code: 0, signal: null });
          break;
        }
        await publish(client, fan, round);
        const promoting = promoteTo(client, fan).then(
          () => (acknowledged += 1),
          () => undefined,
        );
        // A little later each time: before its transaction, in the middle of it, and after it.
        for (let turn = 0; turn < round * 2; turn += 1) await client.tokens.whoAmI({}).catch(() => undefined);
        if (round === KILLS - 1) await promoting;
        await process.end("SIGKILL");
        await promoting;
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    expect(acknowledged).toBeGreaterThanOrEqual(1);
  }, 300_000);
});

async function publish(client: SignetClient, { orgId, projectId }: FanOut, n: number): Promise<void> {
  await client.bundles.publishBundle({ orgId, projectId, envName: "dev", policies: `{"n":${n}}` });
}

/** Version, sequence and deployment of each target. */
async function stateOf(client: SignetClient, { pipelineId: id }: FanOut) {
  const { stages } = await client.pipelines.getPipeline({ id });
  return (stages[1]?.apps ?? []).map(({ appId, activeVersion, sequence, deploymentId, policyHash }) => {
    return { appId, activeVersion, sequence, deploymentId, policyHash };
  });
}

/** Every target is at the same promotion, and the audit tells of as many as there were. */
async function checkWhole(client: SignetClient, fan: FanOut, acknowledged: number, started: number): Promise<void> {
  const { orgId } = fan;
  const states = await stateOf(client, fan);
  expect(states).toHaveLength(TARGETS);
  const promotions = states[0]?.sequence ?? 0;
  expect(promotions).toBeGreaterThanOrEqual(acknowledged);
  expect(promotions).toBeLessThanOrEqual(started);
  for (const state of states) {
    expect({ ...state, sequence: state.sequence ?? 0 }).toMatchObject({ sequence: promotions });
    expect(state.policyHash).toBe(states[0]?.policyHash);
  }
  const events = await client.audit.listAuditEvents({ orgId, action: "pipeline.promoted" });
  expect(events.events).toHaveLength(promotions);
  expect(await client.audit.verifyAudit({ orgId })).toMatchObject({ valid: true });
}

interface Watcher {
  /** The next activation. */
  next(): Promise<Activation>;
}

/** A gRPC stream for each target, all of them open and told that nothing is active. */
async function watchAll(server: TestServer, { orgId, projectId, targets }: FanOut) {
  const sessionManager = new Http2SessionManager(server.url);
  const client = createClient(RuntimeService, createGrpcTransport({ baseUrl: server.url, sessionManager }));
  const gone = targets.map(() => new AbortController());
  const all = await Promise.all(
    targets.map(async ({ appId: environmentId }, index): Promise<Watcher> => {
      const { rawKey = "" } = await server.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId });
      const headers = { authorization: `Bearer ${rawKey}` };
      const stream = client.watchBundle(
        {},
        { headers, ...(gone[index] && { signal: gone[index].signal }), timeoutMs: 0 },
      );
      const messages = stream[Symbol.asyncIterator]();
      const opened = await messages.next();
      expect(opened.done === true ? "" : opened.value.event.case).toBe("nothingActive");
      return {
        async next() {
          for (;;) {
            const message = await messages.next();
            if (message.done === true) throw new Error("the stream ended");
            if (message.value.event.case === "activation") return message.value.event.value;
          }
        },
      };
    }),
  );
  return {
    all,
    [Symbol.asyncDispose]: () => {
      for (const controller of gone) controller.abort();
      sessionManager.abort();
      return Promise.resolve();
    },
  };
}
