import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { checkConsistency } from "./consistency.js";
import { findProject } from "./find-project.js";
import { startServerProcess, type ServerProcess } from "./server-process.js";
import { change, createRandom, type Acknowledged, type Where } from "./work.js";

const ROUNDS = 20;
const CLIENTS = 4;

describe("kill -9", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-kill-"));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it(`${ROUNDS} times in the middle of a run: everything acknowledged is there, nothing half-done is`, async () => {
    const random = createRandom(42);
    const acknowledged: Acknowledged[] = [];
    let lost = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const server = await startServerProcess(directory);
      using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
      const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
      const where = await findProject(client);
      await checkConsistency(client, where, acknowledged, lost);
      // At most one change of each client is on its way when the server dies.
      lost += CLIENTS;
      await runUntilKilled(server, client, where, acknowledged, 5 + random(20), round);
    }
    // The last word: a server that starts and stops as it should.
    const server = await startServerProcess(directory);
    using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    await checkConsistency(client, await findProject(client), acknowledged, lost);
    expect(acknowledged.length).toBeGreaterThanOrEqual(ROUNDS * 5);
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });
  }, 600_000);

  it("a retry with the same Idempotency-Key makes one bundle, whether or not the first answer was lost", async () => {
    const headers = { "Idempotency-Key": "deploy-4711" };
    const publish = (client: SignetClient, where: Where) =>
      client.bundles.publishBundle({ ...where, envName: "dev", policies: '{"once":true}' }, { headers });

    const first = await startServerProcess(directory);
    using connection = openNodeTransport({ url: first.url, timeoutMs: 30_000 });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    const where = await findProject(client);
    const lost = publish(client, where).catch(() => null);
    await first.end("SIGKILL");
    const before = await lost;

    const second = await startServerProcess(directory);
    using again = openNodeTransport({ url: second.url, timeoutMs: 30_000 });
    const retried = createSignetClient({ transport: again.transport, token: ADMIN_TOKEN });
    const answer = await publish(retried, where);
    expect(await publish(retried, where)).toEqual(answer);
    if (before !== null) expect(answer).toEqual(before);
    const { bundles } = await retried.bundles.listBundles({ ...where, envName: "dev" });
    expect(bundles.filter(({ policyHash }) => policyHash === answer.policyHash)).toHaveLength(1);
    await second.end("SIGTERM");
  }, 120_000);
});

/** Changes things with several clients, and kills the server when `count` answers have come in. */
async function runUntilKilled(
  server: ServerProcess,
  client: SignetClient,
  where: Where,
  acknowledged: Acknowledged[],
  count: number,
  round: number,
): Promise<void> {
  let answers = 0;
  const end: { killed: Promise<unknown> | null } = { killed: null };
  const work = Array.from({ length: CLIENTS }, async (_, index) => {
    const random = createRandom(1000 * round + index);
    while (end.killed === null) {
      try {
        const done = await change(client, where, random, `round ${round}`);
        if (done === null) continue;
        acknowledged.push(done);
        answers += 1;
        if (answers === count) end.killed = server.end("SIGKILL");
      } catch (thrown) {
        // What was on its way when the server died.
        if (end.killed === null) throw thrown;
      }
    }
  });
  await Promise.all(work);
  await end.killed;
}
