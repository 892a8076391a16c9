import { describe, expect, it } from "vitest";
import { LOG_COMMIT } from "../../../src/store/postgres/commit-log.js";
import { statementName } from "../../../src/store/postgres/statement-names.js";
import { WRITE_LOCK } from "../../../src/store/postgres/session.js";
import { startFaultProxy } from "../../support/postgres/fault-proxy.js";
import { numbering, useSharedDatabase } from "./shared-store.js";

const KILLS = Math.min(Number(process.env["SIGNET_TEST_KILLS"] ?? 5), 200);

/** What is sent of the statement that goes before each commit, the first time beside its text. */
const NAME_OF_COMMIT = `${statementName(LOG_COMMIT) ?? ""}\0`;

describe("connections that are lost", () => {
  const shared = useSharedDatabase();

  async function proxied() {
    const proxy = shared.use(await startFaultProxy({ port: Number(new URL(shared.database.url).port) }));
    const store = await shared.node(proxy.through(shared.database.url));
    await store.write(numbering(shared.orgId, "warm"));
    return { proxy, store };
  }

  async function timesOf(resource: string): Promise<number> {
    return (await shared.numbered()).filter((it) => it.resource === resource).length;
  }

  it("while a committed answer is on its way: answered as committed", async () => {
    const { proxy, store } = await proxied();
    const lost = proxy.loseAnswerTo(NAME_OF_COMMIT, "COMMIT");
    const number = await store.write(numbering(shared.orgId, "answer lost"));
    await lost;
    expect(await shared.numbered()).toContainEqual({ id: number, resource: "answer lost" });
    expect(await timesOf("answer lost")).toBe(1);
  });

  it("before the commit arrives: run again", async () => {
    const { proxy, store } = await proxied();
    const lost = proxy.loseRequest(NAME_OF_COMMIT);
    const number = await store.write(numbering(shared.orgId, "request lost"));
    await lost;
    expect(await shared.numbered()).toContainEqual({ id: number, resource: "request lost" });
    expect(await timesOf("request lost")).toBe(1);
  });

  it("in the middle of a work: run again as a whole", async () => {
    const { proxy, store } = await proxied();
    let runs = 0;
    await store.write(async (tx) => {
      runs += 1;
      await tx.auditHead(shared.orgId);
      if (runs === 1) proxy.cut("RST");
      await numbering(shared.orgId, "middle")(tx);
    });
    expect(runs).toBe(2);
    expect(await timesOf("middle")).toBe(1);
  });

  it("while it commits, and the database does not come back: the outcome is unknown, and the feed tells so", async () => {
    const { proxy, store } = await proxied();
    let missed = 0;
    store.feed.follow({ changed: () => undefined, missed: () => void (missed += 1) });
    const lost = proxy.loseAnswerTo(NAME_OF_COMMIT, "COMMIT").then(() => {
      proxy.refuse();
      proxy.cut("RST");
    });
    const work = store.write(numbering(shared.orgId, "unknown"));
    await expect(work).rejects.toMatchObject({
      code: "unavailable",
      reason: "outcome_unknown",
      retryAfterSeconds: 2,
    });
    await lost;
    expect(missed).toBeGreaterThan(0);
    expect(await timesOf("unknown")).toBe(1);
    await proxy.heal();
    const writes = () =>
      store.write(numbering(shared.orgId, "after")).then(
        () => true,
        () => false,
      );
    await expect.poll(writes, { timeout: 10_000 }).toBe(true);
  });

  it(`ended by the server ${KILLS} times while two nodes write: what was answered is there once, what failed not at all or unknown`, async () => {
    const nodes = [await shared.node(), await shared.node()];
    const outcomes = new Map<string, "done" | "failed" | "unknown">();
    let killing = true;
    const loops = [0, 1, 2, 3, 4, 5].map(async (lane) => {
      for (let n = 0; killing; n += 1) {
        const id = `kill-${lane}-${n}`;
        await nodes[lane % 2]!.write(numbering(shared.orgId, id)).then(
          () => outcomes.set(id, "done"),
          (error: { code: string; reason?: string }) => {
            expect(error.code).toBe("unavailable");
            outcomes.set(id, error.reason === "outcome_unknown" ? "unknown" : "failed");
          },
        );
      }
    });
    for (let kill = 0; kill < KILLS; kill += 1) {
      const done = outcomes.size;
      await expect.poll(() => outcomes.size, { timeout: 20_000 }).toBeGreaterThan(done + 20);
      await shared.database.terminateBackends();
    }
    killing = false;
    await Promise.all(loops);
    const rows = (await shared.numbered()).filter(({ resource }) => resource.startsWith("kill-"));
    const times = new Map<string, number>();
    for (const { resource } of rows) times.set(resource, (times.get(resource) ?? 0) + 1);
    for (const [id, outcome] of outcomes) {
      const count = times.get(id) ?? 0;
      if (outcome === "done") expect([id, count]).toStrictEqual([id, 1]);
      else if (outcome === "failed") expect([id, count]).toStrictEqual([id, 0]);
      else expect(count).toBeLessThanOrEqual(1);
    }
    const all = await shared.numbered();
    expect(all.map(({ id }) => id)).toStrictEqual(all.map((_, n) => n + 1));
  });

  it("a node that stands still in its transaction holds up the others for 5 s, and its own work is run again", async () => {
    const [still, other] = [await shared.node(), await shared.node()];
    let runs = 0;
    let resume: () => void = () => undefined;
    const resumed = new Promise<void>((resolve) => (resume = resolve));
    let held: () => void = () => undefined;
    const holds = new Promise<void>((resolve) => (held = resolve));
    const stopped = still.write(async (tx) => {
      runs += 1;
      const number = await numbering(shared.orgId, "stood still")(tx);
      await tx.auditHead(shared.orgId);
      held();
      if (runs === 1) await resumed;
      return number;
    });
    await holds;
    await other.write(numbering(shared.orgId, "went on"));
    expect(await timesOf("stood still")).toBe(0);
    resume();
    await stopped;
    expect([runs, await timesOf("stood still"), await timesOf("went on")]).toStrictEqual([2, 1, 1]);
  });

  it("a lock that is not given in time: refused with a time to retry, and nothing is lost", async () => {
    const store = await shared.node();
    const client = await shared.client();
    await client.query(`select pg_advisory_lock(${WRITE_LOCK})`);
    // What waits for its group is refused after 10 s, what is in the group after the repeats of its lock's 15 s.
    const first = store.write(numbering(shared.orgId, "in the group"));
    await expect.poll(async () => waiting(client), { timeout: 5_000 }).toBe(1);
    const second = store.write(numbering(shared.orgId, "in line"));
    await expect(second).rejects.toMatchObject({ code: "unavailable", retryAfterSeconds: 1 });
    await client.query("select pg_advisory_unlock_all()");
    await first;
    expect([await timesOf("in the group"), await timesOf("in line")]).toStrictEqual([1, 0]);
  });

  async function waiting(client: Awaited<ReturnType<typeof shared.client>>): Promise<number> {
    const { rows } = await client.query<{ n: string }>(
      "select count(*) as n from pg_locks l join pg_database d on d.oid = l.database where l.locktype = 'advisory' and not l.granted and d.datname = current_database()",
    );
    return Number(rows[0]?.n);
  }
});
