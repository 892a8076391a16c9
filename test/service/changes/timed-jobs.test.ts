import { beforeEach, describe, expect, it } from "vitest";
import { nextTurn } from "../../../src/core/schedule/in-steps.js";
import { TimedJobs } from "../../../src/service/changes/timed-jobs.js";
import { useStore } from "../../store/temporary-store.js";
import { MovableClock } from "../fixture.js";

const EVERY_MS = 60_000;

describe("a job that one of two nodes does", () => {
  const temporary = useStore();
  const running = new AbortController().signal;
  let clock: MovableClock;
  let [one, two]: [TimedJobs, TimedJobs] = [null!, null!];
  let done: string[];

  beforeEach(() => {
    clock = new MovableClock();
    [one, two] = [node("one"), node("two")];
    done = [];
  });

  const node = (nodeId: string) => new TimedJobs({ store: temporary.store, clock, nodeId });
  const runOn = (nodes: TimedJobs, by: string, signal = running) =>
    nodes.runIfDue("clean", EVERY_MS, () => Promise.resolve(void done.push(by)), signal);
  /** Waits by asking: there is nothing that tells. */
  const isClaimed = async () => {
    while ((await temporary.read.jobDueAt("clean")) === null) await nextTurn();
  };
  const runOnBoth = () => Promise.all([runOn(one, "one"), runOn(two, "two")]);

  it("runs once in its interval, counted from its begin", async () => {
    for (let interval = 1; interval <= 3; interval += 1) {
      await runOnBoth();
      await runOnBoth();
      expect(done).toHaveLength(interval);
      clock.advanceSeconds(59);
      await runOnBoth();
      expect(done).toHaveLength(interval);
      clock.advanceSeconds(1);
    }
  });

  it("is due for whichever node looks first, and has no influence on another job", async () => {
    await runOn(two, "two");
    await runOn(one, "one");
    await one.runIfDue("other", EVERY_MS, () => Promise.resolve(void done.push("other")), running);
    clock.advanceSeconds(60);
    await runOn(one, "one");
    expect(done).toEqual(["two", "other", "one"]);
  });

  it("is left alone while another node runs it, and is taken over when the claim of one that died has ended", async () => {
    const asleep = new Promise<void>(() => {});
    void one.runIfDue("clean", EVERY_MS, () => asleep, running);
    await isClaimed();
    clock.advanceSeconds(599);
    await runOn(two, "two");
    expect(done).toEqual([]);
    clock.advanceSeconds(1);
    await runOn(two, "two");
    await runOn(two, "two");
    expect(done).toEqual(["two"]);
  });

  it("is not ended by a node that lost its claim meanwhile", async () => {
    let wake = () => {};
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    const late = one.runIfDue("clean", EVERY_MS, () => asleep, running);
    await isClaimed();
    clock.advanceSeconds(600);
    await runOn(two, "two");
    const dueAt = await temporary.read.jobDueAt("clean");
    wake();
    await late;
    expect(await temporary.read.jobDueAt("clean")).toBe(dueAt);
  });

  it("waits for its next time after a failure, and stays due after a stop", async () => {
    const failing = () => Promise.reject(new Error("it failed"));
    await expect(one.runIfDue("clean", EVERY_MS, failing, running)).rejects.toThrow("it failed");
    await runOnBoth();
    expect(done).toEqual([]);
    clock.advanceSeconds(60);
    const stopping = new AbortController();
    const stop = () => Promise.resolve(stopping.abort());
    await one.runIfDue("clean", EVERY_MS, stop, stopping.signal);
    await runOn(two, "two");
    expect(done).toEqual(["two"]);
  });

  it("runs again although a wrong clock ended it far in the future", async () => {
    clock.advanceSeconds(86_400);
    await runOn(one, "one");
    clock.jumpSeconds(-86_400);
    await runOn(two, "two");
    expect(done).toEqual(["one", "two"]);
  });
});
