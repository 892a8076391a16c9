import { beforeEach, describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../../src/service/webhooks/circuit-breaker.js";
import { MovableClock } from "../fixture.js";

describe("an endpoint that fails", () => {
  let clock: MovableClock;
  let health: CircuitBreaker;
  beforeEach(() => {
    clock = new MovableClock();
    health = new CircuitBreaker(clock, () => 0);
  });

  function fail(times: number): void {
    for (let n = 0; n < times; n += 1) {
      clock.advanceSeconds(health.restMs() / 1000);
      health.failed();
    }
  }

  it("is tried as ever four times, and rests from the fifth on, three times as long each time, at most five minutes", () => {
    const rests = Array.from({ length: 12 }, () => {
      fail(1);
      return health.restMs() / 1000;
    });
    expect(rests).toEqual([0, 0, 0, 0, 1, 3, 9, 27, 81, 243, 300, 300]);
    expect(health.isOpen).toBe(true);
  });

  it("does not rest longer for tries that were begun before the rest", () => {
    fail(5);
    for (let n = 0; n < 50; n += 1) health.failed();
    expect(health.restMs()).toBe(1000);
  });

  it("rests up to a fifth longer, and never shorter", () => {
    health = new CircuitBreaker(clock, () => 0.999);
    fail(5);
    expect(health.restMs()).toBeGreaterThan(1000);
    expect(health.restMs()).toBeLessThan(1200);
  });

  it.each([
    ["a success", () => health.succeeded(), true],
    ["somebody who has seen to it", () => health.reset(), false],
  ])("rests no longer after %s", (_, end, isGood) => {
    fail(8);
    end();
    expect(health.restMs()).toBe(0);
    expect(health.isOpen).toBe(false);
    expect(health.isGood).toBe(isGood);
    fail(4);
    expect(health.isOpen).toBe(false);
  });

  it("rests after a restart too, for ten seconds at most", () => {
    health = new CircuitBreaker(clock, () => 0.5);
    health.resume();
    expect(health.isOpen).toBe(true);
    expect(health.restMs()).toBe(5000);
    fail(1);
    expect(health.restMs()).toBeGreaterThanOrEqual(3000);
  });
});
