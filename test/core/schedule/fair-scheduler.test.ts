import { describe, expect, it } from "vitest";
import { FairScheduler, type WorkOwner } from "../../../src/core/schedule/fair-scheduler.js";
import type { Lease } from "../../../src/core/schedule/lease.js";

const REFUSAL = { message: "too many", reason: "too_many_documents" };
const open = (concurrency: number, maxWaiting = 100) =>
  new FairScheduler({ concurrency, maxWaiting, refusal: REFUSAL });
const owner = (orgId: string, tokenId = 1): WorkOwner => ({ orgId, tokenId });

/** Everybody in the order in which they got their lease; each gives it back at once. */
class Line {
  readonly order: string[] = [];
  readonly #all: Promise<unknown>[] = [];

  constructor(readonly scheduler: FairScheduler) {}

  add(name: string, of: WorkOwner, count = 1): void {
    for (let each = 0; each < count; each += 1) {
      const worked = this.scheduler.acquire(of).then((lease) => {
        this.order.push(name);
        lease[Symbol.dispose]();
      });
      this.#all.push(worked.catch(() => this.order.push(`${name} refused`)));
    }
  }

  async through(busy: Lease): Promise<readonly string[]> {
    busy[Symbol.dispose]();
    await Promise.all(this.#all);
    return this.order;
  }
}

describe("a fair scheduler", () => {
  it("lets so many go on at once, and a lease that is given back twice counts once", async () => {
    const scheduler = open(2);
    const leases = [await scheduler.acquire(owner("a")), await scheduler.acquire(owner("a"))];
    const third = scheduler.acquire(owner("b"));
    const fourth = scheduler.acquire(owner("b"));
    expect(scheduler.waiting).toBe(2);
    leases[0]?.[Symbol.dispose]();
    leases[0]?.[Symbol.dispose]();
    await third;
    expect(scheduler.waiting).toBe(1);
    leases[1]?.[Symbol.dispose]();
    await fourth;
  });

  it("takes organizations in turns, however many requests one of them has", async () => {
    const line = new Line(open(1));
    const busy = await line.scheduler.acquire(owner("greedy"));
    line.add("greedy", owner("greedy"), 5);
    line.add("one", owner("one"), 2);
    line.add("other", owner("other"));
    expect(await line.through(busy)).toEqual(["one", "other", "greedy", "one", "greedy", "greedy", "greedy", "greedy"]);
  });

  it("lets nobody pass by coming again after each lease", async () => {
    const line = new Line(open(1));
    const busy = await line.scheduler.acquire(owner("patient"));
    line.add("patient", owner("patient"), 2);
    const returning = (async () => {
      for (let time = 0; time < 3; time += 1) {
        using _lease = await line.scheduler.acquire(owner("returning"));
        line.order.push("returning");
      }
    })();
    await line.through(busy);
    await returning;
    expect(line.order).toEqual(["returning", "patient", "returning", "patient", "returning"]);
  });

  it("takes tokens of an organization in turns, and an organization has no more turns for having many", async () => {
    const line = new Line(open(1));
    const busy = await line.scheduler.acquire(owner("a"));
    for (const tokenId of [1, 2]) line.add(`a${tokenId}`, owner("a", tokenId), 2);
    line.add("b", owner("b"), 2);
    expect(await line.through(busy)).toEqual(["b", "a2", "b", "a1", "a2", "a1"]);
  });

  it("refuses the newest of whoever has most when too many wait, and nobody else", async () => {
    const line = new Line(open(1, 4));
    const busy = await line.scheduler.acquire(owner("greedy"));
    line.add("greedy", owner("greedy"), 6);
    line.add("one", owner("one"), 2);
    const order = await line.through(busy);
    expect(order.filter((name) => name === "greedy refused")).toHaveLength(4);
    expect(order.filter((name) => name === "one")).toHaveLength(2);
  });

  it("refuses with the code and the time to come back", async () => {
    const scheduler = open(1, 0);
    using _busy = await scheduler.acquire(owner("a"));
    const refusal = { code: "unavailable", message: "too many", reason: "too_many_documents", retryAfterSeconds: 1 };
    await expect(scheduler.acquire(owner("b"))).rejects.toMatchObject(refusal);
    expect(scheduler.waiting).toBe(0);
  });

  it("forgets who gave up waiting", async () => {
    const scheduler = open(1);
    const busy = await scheduler.acquire(owner("a"));
    const gone = new AbortController();
    const reason = new Error("gone");
    const aborted = expect(scheduler.acquire(owner("b"), gone.signal)).rejects.toBe(reason);
    const next = scheduler.acquire(owner("b", 2));
    gone.abort(reason);
    await aborted;
    expect(scheduler.waiting).toBe(1);
    await expect(scheduler.acquire(owner("b"), gone.signal)).rejects.toBe(reason);
    busy[Symbol.dispose]();
    (await next)[Symbol.dispose]();
    // The lease is free again: nobody was lost.
    (await scheduler.acquire(owner("c")))[Symbol.dispose]();
  });

  it("refuses everybody at the end", async () => {
    const scheduler = open(1);
    using _busy = await scheduler.acquire(owner("a"));
    const waiting = [scheduler.acquire(owner("a")), scheduler.acquire(owner("b"))];
    const reason = new Error("over");
    scheduler.refuseAll(reason);
    for (const each of waiting) await expect(each).rejects.toBe(reason);
  });
});
