import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { leaseTimes } from "../../../src/service/trust/lease-times.js";

const ID = "00000000-0000-4000-8000-000000000001";
const NOW = Date.parse("2026-05-01T12:34:56.789Z");
const iso = (ms: number) => new Date(ms).toISOString();

describe("the times of a lease", () => {
  it("are the same within its period, and the next one's a minute later", () => {
    const first = leaseTimes(ID, 300, null, NOW);
    const { issuedAtMs, expiresAtMs, startsAtMs, renewAtMs } = first;
    expect(startsAtMs <= NOW && NOW < renewAtMs).toBe(true);
    expect([issuedAtMs, expiresAtMs - issuedAtMs, renewAtMs - startsAtMs]).toEqual([startsAtMs, 300_000, 60_000]);
    expect(issuedAtMs % 1000).toBe(0);
    for (const at of [startsAtMs, renewAtMs - 1]) expect(leaseTimes(ID, 300, null, at)).toEqual(first);
    expect(leaseTimes(ID, 300, null, renewAtMs).issuedAtMs).toBe(issuedAtMs + 60_000);
  });

  it.each([
    [60, 12_000],
    [64, 12_000],
    [299, 59_000],
    [300, 60_000],
    [86_400, 60_000],
  ])("of %i seconds are renewed after %i ms", (life, periodMs) => {
    const { startsAtMs, renewAtMs } = leaseTimes(ID, life, null, NOW);
    expect(renewAtMs - startsAtMs).toBe(periodMs);
  });

  it("begin with the activation when that is later, in whole seconds", () => {
    const { startsAtMs, renewAtMs } = leaseTimes(ID, 300, null, NOW);
    const activatedAt = iso(startsAtMs + 7_654);
    const times = leaseTimes(ID, 300, activatedAt, startsAtMs + 9_000);
    expect(times).toEqual({
      ...{ startsAtMs, renewAtMs },
      ...{ issuedAtMs: startsAtMs + 7_000, expiresAtMs: startsAtMs + 307_000 },
    });
    expect(leaseTimes(ID, 300, activatedAt, renewAtMs).issuedAtMs).toBe(renewAtMs);
  });

  it("of an activation whose node's clock is a little ahead are its, and of one from before the clock was set back the period's", () => {
    const { startsAtMs } = leaseTimes(ID, 300, null, NOW);
    expect(leaseTimes(ID, 300, iso(NOW + 2_000), NOW).issuedAtMs).toBe(NOW + 2_000 - 789);
    expect(leaseTimes(ID, 300, iso(NOW + 3_600_000), NOW).issuedAtMs).toBe(startsAtMs);
  });

  it("of many environments are spread over the minute", () => {
    const starts = new Set(
      Array.from({ length: 1_000 }, () => leaseTimes(randomUUID(), 300, null, NOW).startsAtMs % 60_000),
    );
    expect(starts.size).toBeGreaterThan(55);
  });
});
