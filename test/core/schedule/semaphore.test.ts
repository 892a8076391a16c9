import { describe, expect, it } from "vitest";
import { Semaphore } from "../../../src/core/schedule/semaphore.js";

describe("a semaphore", () => {
  it("grants so many leases at once, and the next ones in the order in which they were asked for", async () => {
    const semaphore = new Semaphore(2);
    const granted: number[] = [];
    const leases = await Promise.all([semaphore.acquire(), semaphore.acquire()]);
    const later = [1, 2].map((n) => semaphore.acquire().then((lease) => (granted.push(n), lease)));
    expect(semaphore.waiting).toBe(2);
    leases[1]?.[Symbol.dispose]();
    await later[0];
    expect(granted).toEqual([1]);
    leases[0]?.[Symbol.dispose]();
    await later[1];
    expect(granted).toEqual([1, 2]);
  });

  it("takes a lease that is disposed of twice back once", async () => {
    const semaphore = new Semaphore(1);
    const lease = await semaphore.acquire();
    expect(semaphore.isIdle).toBe(false);
    lease[Symbol.dispose]();
    lease[Symbol.dispose]();
    expect(semaphore.isIdle).toBe(true);
    await semaphore.acquire();
    void semaphore.acquire();
    expect(semaphore.waiting).toBe(1);
  });

  it("takes whoever aborts out of the line, and grants nothing to it", async () => {
    const semaphore = new Semaphore(1);
    const lease = await semaphore.acquire();
    const aborting = new AbortController();
    const gone = semaphore.acquire(aborting.signal);
    const next = semaphore.acquire(new AbortController().signal);
    const reason = new Error("over");
    aborting.abort(reason);
    await expect(gone).rejects.toBe(reason);
    lease[Symbol.dispose]();
    (await next)[Symbol.dispose]();
    expect(semaphore.isIdle).toBe(true);
    await expect(semaphore.acquire(aborting.signal)).rejects.toBe(reason);
    expect(semaphore.isIdle).toBe(true);
  });
});
