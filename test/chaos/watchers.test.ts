import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RuntimeService } from "../../gen/signet/v1/runtime_pb.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { checkConsistency } from "./consistency.js";
import { change, createRandom, STAGES, type Acknowledged, type Stage } from "./work.js";

const WATCHERS = 50;
const CHANGES = 1000;
const CLIENTS = 8;

interface Watcher {
  readonly stage: Stage;
  readonly sequences: number[];
  readonly environments: Set<string>;
  /** Resolves when it has seen this sequence. */
  reached(sequence: number): Promise<void>;
  stop(): Promise<void>;
}

describe("50 watchers through 1,000 changes by 8 clients", () => {
  it("each ends on its newest sequence, none goes back, none sees another environment", async () => {
    await using server = await startTestServer();
    const where = { orgId: server.orgId, projectId: server.projectId };
    const tokens = await runtimeTokens(server);
    const watchers = Array.from({ length: WATCHERS }, (_, index) => {
      const stage = STAGES[index % STAGES.length] ?? "dev";
      return startWatcher(server.url, stage, tokens[stage], index);
    });

    const acknowledged: Acknowledged[] = [];
    const { rawKey = "" } = await server.admin.tokens.createCiToken(where);
    let left = CHANGES;
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      const random = createRandom(index + 1);
      const client = server.clientFor(rawKey);
      while (left > 0) {
        left -= 1;
        const done = await change(client, where, random, `client ${index}`);
        if (done === null) left += 1;
        else acknowledged.push(done);
      }
    });
    await Promise.all(clients);
    expect(acknowledged).toHaveLength(CHANGES);

    for (const watcher of watchers) {
      const { sequence } = await server.admin.organizations.getEnvironment({ ...where, envName: watcher.stage });
      await watcher.reached(sequence);
      await watcher.stop();
      expect(watcher.sequences.at(-1)).toBe(sequence);
      expect(watcher.sequences).toEqual([...new Set(watcher.sequences)].sort((a, b) => a - b));
      expect([...watcher.environments]).toEqual([watcher.stage]);
    }
    await checkConsistency(server.admin, where, acknowledged, 0);
  }, 300_000);
});

async function runtimeTokens(server: TestServer): Promise<Record<Stage, string>> {
  const { orgId, projectId } = server;
  const { environments } = await server.admin.organizations.getProject({ orgId, projectId });
  const made = await Promise.all(
    environments.map(async ({ id: environmentId, name }) => {
      const token = await server.admin.tokens.createRuntimeToken({ orgId, projectId, environmentId });
      return [name, token.rawKey ?? ""] as const;
    }),
  );
  return Object.fromEntries(made) as Record<Stage, string>;
}

/** Watches over one of three protocols; every tenth one reads slowly, a turn of the event loop for each message. */
function startWatcher(url: string, stage: Stage, token: string, index: number): Watcher {
  const client = createClient(RuntimeService, transportFor(url, index));
  const stop = new AbortController();
  const sequences: number[] = [];
  const environments = new Set<string>();
  let tell = () => {};
  const read = async () => {
    const headers = { authorization: `Bearer ${token}` };
    for await (const { event } of client.watchBundle({}, { headers, signal: stop.signal, timeoutMs: 0 })) {
      if (event.case === "activation") {
        const { environment, policies } = JSON.parse(event.value.document) as {
          environment: string;
          policies: { stage: string };
        };
        environments.add(environment);
        // A promoted document names the stage that it was written for.
        expect(STAGES.indexOf(policies.stage as Stage)).toBeLessThanOrEqual(STAGES.indexOf(stage));
        sequences.push(event.value.sequence);
        tell();
      }
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const reading = read().catch((thrown: unknown) => {
    if (!stop.signal.aborted) throw thrown;
  });
  return {
    stage,
    sequences,
    environments,
    async reached(sequence) {
      while ((sequences.at(-1) ?? 0) < sequence) {
        const told = new Promise<void>((resolve) => {
          tell = resolve;
        });
        await Promise.race([told, reading.then(() => Promise.reject(new Error("the watch ended")))]);
      }
    },
    async stop() {
      stop.abort();
      await reading;
    },
  };
}

function transportFor(baseUrl: string, index: number): Transport {
  switch (index % 4) {
    case 0:
      return createGrpcWebTransport({ baseUrl, httpVersion: "1.1" });
    case 1:
      return createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false });
    default:
      return createGrpcTransport({ baseUrl });
  }
}
