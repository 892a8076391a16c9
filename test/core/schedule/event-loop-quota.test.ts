import { describe, expect, it } from "vitest";
import { EventLoopQuota } from "../../../src/core/schedule/event-loop-quota.js";
import { inSteps, nextTurn } from "../../../src/core/schedule/in-steps.js";

/** How much is done at the end of each turn from this one on, until `total` is. */
async function doneByTurn(done: readonly unknown[], total: number): Promise<readonly number[]> {
  const counts = [done.length];
  while (done.length < total) {
    await nextTurn();
    counts.push(done.length);
  }
  return counts;
}

describe("an event loop's quota", () => {
  it("does so many works in this turn, and the others in later ones, in order", async () => {
    const quota = new EventLoopQuota(2);
    const done: number[] = [];
    for (const n of [1, 2, 3, 4, 5]) quota.run(() => done.push(n));
    expect(await doneByTurn(done, 5)).toEqual([2, 4, 5]);
    expect(done).toEqual([1, 2, 3, 4, 5]);
  });

  it("is full again in the next turn, and nothing that comes later overtakes what waits", async () => {
    const quota = new EventLoopQuota(1);
    const done: number[] = [];
    for (const n of [1, 2, 3]) quota.run(() => done.push(n));
    await nextTurn();
    quota.run(() => done.push(4));
    expect(await doneByTurn(done, 4)).toEqual([2, 3, 4]);
    expect(done).toEqual([1, 2, 3, 4]);
    await nextTurn();
    await quota.next();
    expect(await Promise.all([quota.next(), quota.next()])).toHaveLength(2);
  });

  it("works lists off from the next turn on, in turns with each other, and tells the end of each once", async () => {
    const quota = new EventLoopQuota(2);
    const done: string[] = [];
    quota.forEach(
      ["a1", "a2", "a3"],
      (item) => done.push(item),
      () => done.push("end of a"),
    );
    quota.forEach(
      ["b1"],
      (item) => done.push(item),
      () => done.push("end of b"),
    );
    quota.forEach(
      [],
      () => done.push("never"),
      () => done.push("end of nothing"),
    );
    expect(await doneByTurn(done, 7)).toEqual([0, 2, 4, 6, 7]);
    expect(done).toEqual(["a1", "a2", "b1", "end of b", "end of nothing", "a3", "end of a"]);
  });

  it("goes on with a list that grows and shrinks meanwhile", async () => {
    const quota = new EventLoopQuota(1);
    const items = new Set([1, 2, 3]);
    const done: number[] = [];
    let isOver = false;
    quota.forEach(
      items,
      (item) => done.push(item),
      () => (isOver = true),
    );
    await nextTurn();
    items.delete(2);
    items.add(4);
    while (!isOver) await nextTurn();
    expect(done).toEqual([1, 3, 4]);
  });
});

describe("steps", () => {
  it("end with the one that says so, each in a turn of its own", async () => {
    let [turns, steps] = [0, 0];
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await inSteps(async () => (steps += 1) < 4);
    isOver = true;
    expect(steps).toBe(4);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it("end when the signal aborts, after the step that is under way", async () => {
    const stopping = new AbortController();
    let steps = 0;
    const step = async () => {
      steps += 1;
      if (steps === 2) stopping.abort();
      return true;
    };
    await inSteps(step, stopping.signal);
    expect(steps).toBe(2);
    await inSteps(step, stopping.signal);
    expect(steps).toBe(2);
  });

  it("end with the first that fails", async () => {
    let steps = 0;
    const failing = inSteps(async () => {
      steps += 1;
      if (steps === 2) throw new Error("bad");
      return true;
    });
    await expect(failing).rejects.toThrow("bad");
    expect(steps).toBe(2);
  });
});
