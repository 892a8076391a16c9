import { describe, expect, it } from "vitest";
import { parseRetryAfter } from "../../src/outbound/response.js";
import { DEFAULT_RETRY_SCHEDULE, nextAttemptAt, parseRetrySchedule } from "../../src/outbound/retry-schedule.js";

const NOW = new Date("2026-03-01T12:00:00.000Z");
const DAY = 86_400;
const schedule = parseRetrySchedule(DEFAULT_RETRY_SCHEDULE);

function secondsUntil(attempts: number, retryAfter: number | null = null, random = 0): number | null {
  const at = nextAttemptAt(schedule, attempts, NOW, retryAfter, () => random);
  return at === null ? null : (at.getTime() - NOW.getTime()) / 1000;
}

describe("the retry schedule", () => {
  it("has ten tries over about three days", () => {
    const delays = Array.from({ length: 11 }, (_, attempts) => secondsUntil(attempts));
    expect(delays).toEqual([0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, DAY, null]);
    expect(schedule.reduce((sum, delay) => sum + delay, 0) / DAY).toBeCloseTo(3.15, 2);
  });

  it.each([
    [0, null, 0.999, 0],
    [1, null, 0, 5],
    [1, null, 0.5, 5.75],
    [1, null, 0.999_999, 6.5],
    [9, null, 0.999_999, DAY * 1.1 + 1],
    // Retry-After counts when it is later, up to a day.
    [1, 0, 0, 5],
    [1, 4, 0, 5],
    [1, 60, 0, 60],
    [1, 60, 0.5, 63.5],
    [1, 10 * DAY, 0, DAY],
    [9, 60, 0, DAY],
    [0, 60, 0, 0],
    [10, 60, 0, null],
  ])("after %d tries, Retry-After %s, random %d: in %s s", (attempts, retryAfter, random, expected) => {
    const seconds = secondsUntil(attempts, retryAfter, random);
    if (expected === null) expect(seconds).toBeNull();
    else expect(seconds).toBeCloseTo(expected, 1);
  });

  it("adds jitter and never takes away", () => {
    for (let attempts = 1; attempts < 10; attempts += 1) {
      for (const random of [0, 0.25, 0.999_999_999]) {
        const delay = schedule[attempts] ?? NaN;
        expect(secondsUntil(attempts, null, random)).toBeGreaterThanOrEqual(delay);
        expect(secondsUntil(attempts, null, random)).toBeLessThanOrEqual(delay * 1.1 + 1);
      }
    }
  });

  it("is configurable", () => {
    expect(parseRetrySchedule("0")).toEqual([0]);
    expect(parseRetrySchedule(" 1, 604800 ")).toEqual([1, 604_800]);
  });

  it.each(["", "0,", "-1", "1.5", "5s", "1e3", "604801", "Infinity", "0x10", Array(51).fill("1").join(",")])(
    "refuses %j",
    (text) => {
      expect(() => parseRetrySchedule(text, "SIGNET_WEBHOOK_RETRIES")).toThrow(/^SIGNET_WEBHOOK_RETRIES: /);
    },
  );
});

describe("Retry-After", () => {
  it.each([
    ["0", 0],
    ["120", 120],
    [" 120 ", 120],
    ["99999999999999999999", Number.MAX_SAFE_INTEGER],
    ["Sun, 01 Mar 2026 12:01:00 GMT", 60],
    ["Sunday, 01-Mar-26 12:01:00 GMT", 60],
    ["Sun Mar  1 12:01:00 2026", 60],
    ["Sun, 01 Mar 2026 11:00:00 GMT", 0],
    ["", null],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["2026-03-01T12:01:00Z", null],
    ["Sun, 01 Mar 2026 12:01:00 +0100", null],
    ["Sun, 99 Mar 2026 12:01:00 GMT", null],
    [undefined, null],
  ])("%j is %s", (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });
});
