import { beforeEach, describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../../src/service/webhooks/circuit-breaker.js";
import { MovableClock } from "../fixture.js";

describe("an endpoint that fails", () => {
  let clock: MovableClock;
  let breaker: CircuitBreaker;
  beforeEach(() => {
    clock = new MovableClock();
    breaker = new CircuitBreaker(clock, () => 0);
  });

  function fail(times: number): void {
    for (let n = 0; n < times; n += 1) {
      clock.advanceSeconds(breaker.pauseMs() / 1000);
      breaker.failed();
    }
  }

  it("opens the circuit with the fifth failure, and pauses before each attempt, three times as long each time, at most five minutes", () => {
    const pauses = Array.from({ length: 12 }, () => {
      fail(1);
      return breaker.pauseMs() / 1000;
    });
    expect(pauses).toEqual([0, 0, 0, 0, 1, 3, 9, 27, 81, 243, 300, 300]);
    expect(breaker.isOpen).toBe(true);
  });

  it("does not pause longer for attempts that were begun before the pause", () => {
    fail(5);
    for (let n = 0; n < 50; n += 1) breaker.failed();
    expect(breaker.pauseMs()).toBe(1000);
  });

  it("pauses up to a fifth longer, and never shorter", () => {
    breaker = new CircuitBreaker(clock, () => 0.999);
    fail(5);
    expect(breaker.pauseMs()).toBeGreaterThan(1000);
    expect(breaker.pauseMs()).toBeLessThan(1200);
  });

  it.each([
    ["a success", () => breaker.succeeded(), true],
    ["a change of the webhook", () => breaker.reset(), false],
  ])("has a closed circuit after %s", (_, end, isProven) => {
    fail(8);
    end();
    expect(breaker.pauseMs()).toBe(0);
    expect(breaker.isOpen).toBe(false);
    expect(breaker.isProven).toBe(isProven);
    fail(4);
    expect(breaker.isOpen).toBe(false);
  });

  it("pauses after a restart too, for ten seconds at most", () => {
    breaker = new CircuitBreaker(clock, () => 0.5);
    breaker.resume();
    expect(breaker.isOpen).toBe(true);
    expect(breaker.pauseMs()).toBe(5000);
    fail(1);
    expect(breaker.pauseMs()).toBeGreaterThanOrEqual(3000);
  });
});
