import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PostgresStore } from "../../../src/store/postgres/store.js";
import { startCluster, type Cluster } from "../../../tools/postgres/cluster.js";
import { anOrganization } from "../sample.js";
import { openOnPostgres } from "../temporary-store.js";
import { numbering } from "./shared-store.js";

const KILLS = Math.min(Number(process.env["SIGNET_TEST_KILLS"] ?? 2), 100);
const LANES = 4;

describe("a PostgreSQL server that crashes", () => {
  let cluster: Cluster;
  let stores: PostgresStore[];
  beforeAll(async () => {
    cluster = await startCluster({ fsync: true });
    const url = await cluster.createDatabase("crashing");
    stores = [await openOnPostgres(url), await openOnPostgres(url)];
  });
  afterAll(async () => {
    for (const store of stores) await store[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  it(`${KILLS} times loses no write that was answered, does none twice, and leaves no gap`, async () => {
    const organization = anOrganization({ id: randomUUID() });
    await stores[0]!.write((tx) => tx.insertOrganization(organization));
    const outcomes = new Map<string, "done" | "failed" | "unknown">();
    let crashing = true;
    const lanes = Array.from({ length: LANES }, async (_, lane) => {
      for (let n = 0; crashing; n += 1) {
        const id = `${lane}-${n}`;
        await stores[lane % 2]!.write(numbering(organization.id, id)).then(
          () => outcomes.set(id, "done"),
          (error: { reason?: string }) => outcomes.set(id, error.reason === "outcome_unknown" ? "unknown" : "failed"),
        );
      }
    });
    const done = () => [...outcomes.values()].filter((outcome) => outcome === "done").length;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = done();
      await expect.poll(done, { timeout: 30_000 }).toBeGreaterThan(before + 30);
      await cluster.crash();
      await cluster.start();
    }
    const before = done();
    await expect.poll(done, { timeout: 30_000 }).toBeGreaterThan(before);
    crashing = false;
    await Promise.all(lanes);
    const rows = await cluster.query<{ id: string; resource_id: string }>(
      "select id, resource_id from audit_events where org_id = $1 order by id",
      [organization.id],
      "crashing",
    );
    expect(rows.map(({ id }) => Number(id))).toStrictEqual(rows.map((_, n) => n + 1));
    const kept = rows.map(({ resource_id }) => resource_id);
    expect(new Set(kept).size).toBe(kept.length);
    const lost = [...outcomes].filter(([id, outcome]) => outcome === "done" && !kept.includes(id));
    const unasked = [...outcomes].filter(([id, outcome]) => outcome === "failed" && kept.includes(id));
    expect([lost, unasked]).toStrictEqual([[], []]);
  }, 120_000);
});
