import { describe, expect, it } from "vitest";
import type { ChangeFeed, NodeChange } from "../../../src/store/change-feed.js";
import { createPools } from "../../../src/store/postgres/connect.js";
import { PostgresFeed } from "../../../src/store/postgres/feed.js";
import type { PostgresStore } from "../../../src/store/postgres/store.js";
import { startFaultProxy } from "../../support/postgres/fault-proxy.js";
import { aToken, insertTenancy, publish } from "../sample.js";
import { useSharedDatabase } from "./shared-store.js";

/** What only those hear who look at environments. */
const FOR_PEOPLE: ReadonlySet<string> = new Set<NodeChange["kind"]>(["project", "delivery", "audit"]);

/** What a follower was told. */
class Follower {
  readonly changes: NodeChange[] = [];
  /** With the changes of environments. */
  readonly numbers: unknown[] = [];
  missed = 0;

  constructor(feed: ChangeFeed) {
    feed.follow({
      changed: (changes) => {
        for (const change of changes) {
          if (FOR_PEOPLE.has(change.kind)) continue;
          if (change.kind !== "environment") this.changes.push(change);
          else {
            this.changes.push({ kind: "environment", id: change.id });
            this.numbers.push(change.numbers);
          }
        }
      },
      missed: () => void (this.missed += 1),
    });
  }
}

describe("nodes hear of each other's changes", () => {
  const shared = useSharedDatabase();

  /** A feed alone. */
  async function feedOn(url = shared.database.url, notifies = true): Promise<PostgresFeed> {
    const options = { url, directUrl: null, ca: null, poolSize: 2, applicationName: "signet feed" };
    const pools = shared.use(createPools(options, () => undefined));
    const feed = shared.use(new PostgresFeed("follower", pools, notifies));
    await feed.start();
    return feed;
  }

  async function proxied() {
    const proxy = shared.use(await startFaultProxy({ port: Number(new URL(shared.database.url).port) }));
    return { proxy, url: proxy.through(shared.database.url) };
  }

  async function change(store: PostgresStore): Promise<string> {
    const { dev } = await insertTenancy(store);
    await store.write((tx) => publish(tx, dev.id));
    return dev.id;
  }

  it("in the order of the commits, and not of their own", async () => {
    const [mine, other] = [await shared.node(), await shared.node()];
    const [own, others] = [new Follower(other.feed), new Follower(mine.feed)];
    const ids = [await change(other), await change(other)];
    const token = await other.write((tx) => tx.insertToken(aToken(shared.orgId)));
    await other.write((tx) => tx.updateToken({ ...token, revokedAt: token.createdAt }));
    await expect.poll(() => others.changes.length, { timeout: 10_000 }).toBe(3);
    expect(others.changes).toStrictEqual([
      { kind: "environment", id: ids[0] },
      { kind: "environment", id: ids[1] },
      { kind: "token", id: token.id },
    ]);
    expect([own.changes, others.missed]).toStrictEqual([[], 0]);
    const numbers = { sequence: 1, version: 1, deploymentId: expect.any(String) as string };
    expect(others.numbers).toStrictEqual([numbers, numbers]);
  });

  it("of an environment once for each transaction, with its last numbers", async () => {
    const other = await shared.node();
    const follower = new Follower(await feedOn());
    const { dev } = await insertTenancy(other);
    await other.write(async (tx) => {
      for (let count = 0; count < 3; count += 1) await publish(tx, dev.id);
      await tx.skipNumbers(dev.id, { sequences: 0, versions: 0 });
    });
    const id = await change(other);
    await expect.poll(() => follower.changes.at(-1), { timeout: 10_000 }).toStrictEqual({ kind: "environment", id });
    expect(follower.changes).toStrictEqual([
      { kind: "environment", id: dev.id },
      { kind: "environment", id },
    ]);
    expect(follower.numbers).toMatchObject([
      { sequence: 3, version: 3 },
      { sequence: 1, version: 1 },
    ]);
  });

  it("of a work that was undone, nothing", async () => {
    const other = await shared.node();
    const follower = new Follower(await feedOn());
    const { dev } = await insertTenancy(other);
    const undone = other.write(async (tx) => {
      await publish(tx, dev.id);
      throw new Error("no");
    });
    await expect(undone).rejects.toThrow("no");
    const id = await change(other);
    await expect.poll(() => follower.changes.length, { timeout: 10_000 }).toBe(1);
    expect(follower.changes).toStrictEqual([{ kind: "environment", id }]);
  });

  it("by looking alone, where NOTIFY is not heard", async () => {
    const other = await shared.node();
    const feed = await feedOn(shared.database.url, false);
    const follower = new Follower(feed);
    const id = await change(other);
    await expect.poll(() => follower.changes, { timeout: 10_000 }).toStrictEqual([{ kind: "environment", id }]);
    const listeners = await shared.raw(
      "select 1 from pg_stat_activity where application_name = 'signet feed' and query like 'listen%'",
    );
    expect(listeners).toStrictEqual([]);
  });

  it("of 100,000 rows at once", async () => {
    const feed = await feedOn();
    const follower = new Follower(feed);
    await shared.raw(
      "insert into node_changes (origin, kind, ref) select 'other', 'token', json_build_object('id', n)::text from generate_series(1, 100000) n",
    );
    await expect.poll(() => follower.changes.length, { timeout: 30_000 }).toBe(100_000);
    expect(follower.changes.at(-1)).toStrictEqual({ kind: "token", id: 100_000 });
    expect(follower.missed).toBe(0);
    await shared.raw("truncate node_changes");
  });

  it("or that they have missed some: when rows are gone, all of them or the oldest, or numbers went back", async () => {
    const feed = await feedOn(shared.database.url, false);
    const follower = new Follower(feed);
    const insert = (number: number) =>
      shared.raw(
        "insert into node_changes (number, origin, kind, ref) overriding system value values ($1, 'x', 'tenancy', '{}')",
        [number],
      );
    const looked = async () => {
      const { heardAtMs } = feed;
      await expect.poll(() => feed.heardAtMs, { timeout: 10_000 }).toBeGreaterThan(heardAtMs);
    };
    await insert(1_000_000);
    await looked();
    await looked();
    const before = follower.missed;
    await insert(1_000_005);
    await shared.raw("delete from node_changes where number < 1000005");
    await expect.poll(() => follower.missed, { timeout: 10_000 }).toBe(before + 1);
    await shared.raw("delete from node_changes");
    await expect.poll(() => follower.missed, { timeout: 10_000 }).toBe(before + 2);
    await insert(1);
    await expect.poll(() => follower.changes.length, { timeout: 10_000 }).toBe(1);
    expect(follower.missed).toBe(before + 2);
  });

  it("not while the database is away; then the age of the last word grows, and all that was changed is told later", async () => {
    const other = await shared.node();
    const { proxy, url } = await proxied();
    const feed = await feedOn(url);
    const follower = new Follower(feed);
    proxy.refuse();
    proxy.cut("RST");
    await expect.poll(() => proxy.counts.open).toBe(0);
    const { heardAtMs } = feed;
    const id = await change(other);
    // It has tried in between.
    const { accepted } = proxy.counts;
    expect(feed.heardAtMs).toBe(heardAtMs);
    await proxy.heal();
    await expect.poll(() => follower.changes, { timeout: 10_000 }).toStrictEqual([{ kind: "environment", id }]);
    expect(feed.heardAtMs).toBeGreaterThan(heardAtMs);
    // Its listener is back too.
    await expect.poll(() => proxy.counts.accepted - accepted, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
  });

  it("again after connections that stayed open and answered no more; none of them is left", async () => {
    const other = await shared.node();
    const { proxy, url } = await proxied();
    const feed = await feedOn(url);
    const follower = new Follower(feed);
    const sessions = () => shared.raw("select 1 from pg_stat_activity where application_name = 'signet feed'");
    await expect.poll(async () => (await sessions()).length, { timeout: 10_000 }).toBe(2);
    proxy.hold("toClient");
    const { accepted } = proxy.counts;
    const id = await change(other);
    // A look and the listener were given up, and tried again.
    await expect.poll(() => proxy.counts.accepted - accepted, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
    const { heardAtMs } = feed;
    await proxy.heal();
    await expect.poll(() => follower.changes, { timeout: 20_000 }).toStrictEqual([{ kind: "environment", id }]);
    expect(feed.heardAtMs).toBeGreaterThan(heardAtMs);
    await shared.close();
    await expect.poll(async () => (await sessions()).length, { timeout: 10_000 }).toBe(0);
  });
});
