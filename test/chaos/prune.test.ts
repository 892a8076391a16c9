import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataDirectory } from "../../src/server/database/data-directory.js";
import { createSignetClient, type SignetClient } from "../../src/sdk/index.js";
import { openNodeTransport } from "../../src/sdk/node-transport.js";
import { keepOldVersions } from "../service/bundles/old-versions.js";
import { ADMIN_TOKEN } from "../support/server.js";
import { findProject } from "./find-project.js";
import { startServerProcess } from "./server-process.js";
import type { Where } from "./work.js";

/** Forty steps of a hundred. The first version is active and the last is the newest: both stay. */
const OLD = 4_000;
const KILLS = 2;

describe("kill -9 while old versions are deleted", () => {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "signet-prune-"));
    await seed();
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it("leaves whole steps: what went is what the audit says, and the next call goes on", async () => {
    const left = [OLD + 1];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await withServer(async (client, where, server) => {
        const told = (await prunedVersions(client, where)).length;
        const pruned = prune(client, where).then(
          () => "finished",
          () => "cut off",
        );
        // Steps go on while this is asked.
        while ((await prunedVersions(client, where)).length === told);
        await server.end("SIGKILL");
        expect(await pruned).toBe("cut off");
      });
      await withServer(async (client, where) => {
        left.push(await checkWhole(client, where));
      });
    }
    // Each of them did something, and none did everything.
    expect(left).toEqual([...new Set(left)].sort((a, b) => b - a));
    await withServer(async (client, where) => {
      expect(await prune(client, where)).toMatchObject({ more: false, environments: [{ kept: 2 }] });
      expect(await checkWhole(client, where)).toBe(2);
    });
  }, 300_000);

  /** A version that is active, and many old ones. */
  async function seed(): Promise<void> {
    await withServer(async (client, where) => {
      await client.bundles.publishBundle({ ...where, envName: "dev", policies: "{}" });
    });
    await using data = await openDataDirectory({
      path: directory,
      signingKey: null,
      synchronous: "normal",
      create: false,
      nativeDirectory: null,
    });
    const operator = await data.store.read.operatorOrganization();
    const [project] = (await data.store.read.projects(operator?.id ?? "", { limit: 1, offset: 0 })).rows;
    const dev = await data.store.read.environment(project?.id ?? "", "dev");
    await keepOldVersions(data.store, dev?.id ?? "", OLD);
  }

  type Work = (client: SignetClient, where: Where, server: Awaited<ReturnType<typeof startServerProcess>>) => unknown;

  async function withServer(work: Work): Promise<void> {
    const server = await startServerProcess(directory);
    using connection = openNodeTransport({ url: server.url, timeoutMs: 30_000 });
    const client = createSignetClient({ transport: connection.transport, token: ADMIN_TOKEN });
    await work(client, await findProject(client), server);
    await server.end("SIGTERM");
  }
});

async function prune(client: SignetClient, where: Where) {
  const rules = { keepNewest: 1, keepDays: 1, keepProductionDays: 1, production: [], dryRun: false };
  return await client.bundles.pruneBundles({ ...where, envName: "dev", ...rules });
}

/** Every version that an audit event says went, by the events' order. */
async function prunedVersions(client: SignetClient, { orgId }: Where): Promise<number[]> {
  const { events } = await client.audit.listAuditEvents({ orgId, after: 0, limit: 1000, action: "bundle.pruned" });
  return events.flatMap(({ metadata }) =>
    (JSON.parse(metadata) as { versions: string[] }).versions.flatMap((range) => {
      const [first = 0, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    }),
  );
}

/** Nothing half-done is there. Returns how many versions are left. */
async function checkWhole(client: SignetClient, where: Where): Promise<number> {
  const path = { ...where, envName: "dev" };
  const kept: number[] = [];
  for (let beforeVersion: number | undefined; ;) {
    const { bundles } = await client.bundles.listBundles({ ...path, ...(beforeVersion ? { beforeVersion } : {}) });
    kept.push(...bundles.map(({ version }) => version));
    beforeVersion = bundles.at(-1)?.version;
    if (bundles.length < 1000) break;
  }
  const gone = await prunedVersions(client, where);
  expect([...gone, ...kept].sort((a, b) => a - b)).toEqual(Array.from({ length: OLD + 1 }, (_, index) => index + 1));
  const { environments } = await client.bundles.pruneBundles({ ...path, dryRun: true });
  expect(environments).toMatchObject([{ kept: kept.length }]);
  expect(await client.bundles.getBundle({ ...path, version: 1 })).toMatchObject({ isActive: true });
  expect(await client.audit.verifyAudit({ orgId: where.orgId })).toMatchObject({ valid: true });
  return kept.length;
}
