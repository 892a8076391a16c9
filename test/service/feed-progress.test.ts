import { beforeEach, describe, expect, it } from "vitest";
import { FeedProgress } from "../../src/service/feed-progress.js";

let behind: number;
let fed: number[];
let progress: FeedProgress;

beforeEach(() => {
  behind = 0;
  fed = [];
  progress = new FeedProgress({ behind: (change) => (behind += change), fed: (durationMs) => fed.push(durationMs) });
});

describe("how changes reach streams", () => {
  it("counts a stream as behind until it was handed what is newest, and a change as fed by the last one", () => {
    const [a, b] = [progress.open("e"), progress.open("e")];
    progress.changed("e");
    expect([behind, fed.length]).toEqual([2, 0]);
    a.caughtUp(a.changes);
    expect([behind, fed.length]).toEqual([1, 0]);
    b.caughtUp(b.changes);
    expect([behind, fed.length]).toEqual([0, 1]);
    expect(fed[0]).toBeGreaterThanOrEqual(0);
  });

  it("lets a stream skip what was superseded", () => {
    const stream = progress.open("e");
    for (let n = 0; n < 5; n += 1) progress.changed("e");
    expect(behind).toBe(1);
    stream.caughtUp(5);
    expect([behind, fed.length]).toEqual([0, 5]);
    // Late news of what it has passed changes nothing.
    stream.caughtUp(3);
    expect([behind, fed.length]).toEqual([0, 5]);
  });

  it("leaves a stream behind that was handed an older state than the newest", () => {
    const stream = progress.open("e");
    progress.changed("e");
    const { changes } = stream;
    progress.changed("e");
    stream.caughtUp(changes);
    expect([behind, fed.length]).toEqual([1, 1]);
  });

  it("waits for no stream that opened after the change or has ended", () => {
    const [slow, other] = [progress.open("e"), progress.open("e")];
    progress.changed("e");
    const late = progress.open("e");
    slow[Symbol.dispose]();
    slow[Symbol.dispose]();
    slow.caughtUp(1);
    expect([behind, fed.length]).toEqual([1, 0]);
    other.caughtUp(1);
    expect([behind, fed.length]).toEqual([0, 1]);
    late[Symbol.dispose]();
    other[Symbol.dispose]();
    progress.changed("e");
    expect([behind, fed.length]).toEqual([0, 1]);
  });

  it("measures no change that nobody took", () => {
    const stream = progress.open("e");
    progress.changed("e");
    stream[Symbol.dispose]();
    expect([behind, fed]).toEqual([0, []]);
  });

  it("keeps environments apart, and forgets one that has no stream", () => {
    const [a, b] = [progress.open("a"), progress.open("b")];
    progress.changed("a");
    b.caughtUp(b.changes);
    expect(behind).toBe(1);
    a[Symbol.dispose]();
    const again = progress.open("a");
    expect([again.changes, behind]).toEqual([0, 0]);
  });

  it("follows only so many changes for a stream that stands still", () => {
    const stream = progress.open("e");
    for (let n = 0; n < 1000; n += 1) progress.changed("e");
    expect(behind).toBe(1);
    stream.caughtUp(1000);
    expect(behind).toBe(0);
    expect(fed).toHaveLength(64);
  });
});
