import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TimerWheel, type Timed } from "../../../src/core/schedule/timer-wheel.js";
import { createRandom } from "../../chaos/work.js";

const PERIOD_MS = 6_400;
/** A 64th of a period: how late a beat may be. */
const TICK_MS = 100;

class Member implements Timed {
  slot = 0;
  readonly beats: number[] = [];

  constructor(
    readonly name: string,
    public dueAtMs: number,
  ) {}
}

describe("a timer wheel", () => {
  let beaten: string[];
  let onBeat: (member: Member) => void;
  let wheel: TimerWheel<Member>;
  const start = () => performance.now();

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    beaten = [];
    // What whoever beats does: another period, and back into the wheel.
    onBeat = (member) => {
      member.dueAtMs = performance.now() + PERIOD_MS;
      wheel.add(member);
    };
    wheel = new TimerWheel<Member>(PERIOD_MS, (due) => {
      for (const member of due) {
        beaten.push(member.name);
        member.beats.push(performance.now());
        onBeat(member);
      }
    });
  });
  afterEach(() => {
    wheel[Symbol.dispose]();
    vi.useRealTimers();
  });

  function add(name: string, dueInMs: number): Member {
    const member = new Member(name, start() + dueInMs);
    wheel.add(member);
    return member;
  }

  it("beats each when it is due, those that are due first before the others, and again a period later", () => {
    for (const [name, dueInMs] of Object.entries({ late: 6_400, soon: 150, middle: 3_000, now: 0 })) add(name, dueInMs);
    vi.advanceTimersByTime(PERIOD_MS);
    expect(beaten).toEqual(["now", "soon", "middle", "late"]);
    vi.advanceTimersByTime(PERIOD_MS);
    expect(beaten).toEqual(["now", "soon", "middle", "late", "now", "soon", "middle", "late"]);
  });

  it("never beats before the time, and at most a tick after it", () => {
    const from = start();
    const members = [0, 1, 99, 100, 101, 3_199, 6_399, 6_400].map((dueInMs) => add(String(dueInMs), dueInMs));
    vi.advanceTimersByTime(PERIOD_MS + TICK_MS);
    for (const { name, beats } of members) {
      const lateMs = (beats[0] ?? NaN) - from - Number(name);
      expect(lateMs, name).toBeGreaterThanOrEqual(0);
      expect(lateMs, name).toBeLessThanOrEqual(TICK_MS);
    }
  });

  it("does not beat who was moved on meanwhile until it is due then", () => {
    const member = add("moved", 1_000);
    vi.advanceTimersByTime(900);
    member.dueAtMs = start() + PERIOD_MS;
    vi.advanceTimersByTime(PERIOD_MS - TICK_MS);
    expect(beaten).toEqual([]);
    vi.advanceTimersByTime(2 * TICK_MS);
    expect(beaten).toEqual(["moved"]);
  });

  it("beats nobody who was deleted, and deletes nobody else", () => {
    const [gone] = ["gone", "stays", "other"].map((name) => add(name, 500));
    wheel.delete(gone!);
    wheel.delete(gone!);
    vi.advanceTimersByTime(PERIOD_MS);
    expect(beaten).toEqual(["stays", "other"]);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("beats nobody who is deleted or moved while others are beaten", () => {
    const victim = add("victim", 600);
    const again = onBeat;
    onBeat = (member) => {
      wheel.delete(victim);
      again(member);
    };
    add("killer", 500);
    vi.advanceTimersByTime(3 * PERIOD_MS);
    expect(new Set(beaten)).toEqual(new Set(["killer"]));
  });

  it("beats once in a tick who is added again in it, due or not", () => {
    onBeat = (member) => {
      member.dueAtMs = performance.now();
      wheel.add(member);
    };
    const member = add("eager", 0);
    vi.advanceTimersByTime(10 * TICK_MS);
    expect(member.beats).toEqual([...new Set(member.beats)]);
    expect(member.beats).toHaveLength(10);
  });

  it("has no timer before the first member, nor after the last", () => {
    expect(vi.getTimerCount()).toBe(0);
    const members = [100, 3_000, 6_400].map((dueInMs) => add(String(dueInMs), dueInMs));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_000);
    for (const member of members) wheel.delete(member);
    expect(vi.getTimerCount()).toBe(0);
    add("new", 200);
    vi.advanceTimersByTime(200);
    expect(beaten).toEqual(["100", "new"]);
  });

  it("has no timer when its last members are deleted between their turn and their beat", () => {
    const due: Member[] = [];
    onBeat = (member) => void due.push(member);
    for (const name of ["a", "b"]) add(name, 100);
    vi.advanceTimersByTime(100);
    for (const member of due) wheel.delete(member);
    expect(due).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("beats each of ten thousand once in a period, whatever comes and goes", () => {
    const random = createRandom(7);
    const from = start();
    const members = Array.from({ length: 10_000 }, (_, index) => add(String(index), random(PERIOD_MS)));
    const left = members.filter(() => random(10) === 0);
    for (let period = 1; period <= 3; period += 1) {
      vi.advanceTimersByTime(PERIOD_MS);
      if (period === 1) for (const member of left) wheel.delete(member);
    }
    vi.advanceTimersByTime(TICK_MS);
    const gone = new Set(left);
    for (const member of members) {
      const { beats, name } = member;
      expect(beats.length, name).toBeLessThanOrEqual(gone.has(member) ? 1 : 4);
      if (!gone.has(member)) expect(beats.length, name).toBeGreaterThanOrEqual(3);
      for (const [index, at] of beats.entries()) {
        const sinceMs = at - (beats[index - 1] ?? from - PERIOD_MS);
        expect(sinceMs, name).toBeGreaterThanOrEqual(PERIOD_MS);
        if (index > 0) expect(sinceMs, name).toBeLessThanOrEqual(PERIOD_MS + TICK_MS);
      }
    }
  });
});
