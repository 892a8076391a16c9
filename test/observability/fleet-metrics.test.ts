import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FleetFigures } from "../../src/core/fleet-figures.js";
import { createCertificateMetrics, createFleetMetrics } from "../../src/observability/fleet-metrics.js";
import { parseScrape } from "./scrape.js";

const place = { organization: "acme", project: "shop", environment: "prod" };
const figures: FleetFigures = {
  instances: [
    { ...place, state: "applied", version: "7", count: 3 },
    { ...place, state: "rejected", version: "6", count: 1 },
  ],
  active: [{ ...place, sequence: 12, since: "2026-05-01T12:00:00.000Z" }],
  tokenExpiry: new Map([["ci", "2026-06-01T00:00:00.000Z"]]),
};
const empty: FleetFigures = { instances: [], active: [], tokenExpiry: new Map() };

describe("the metrics of fleets", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => void vi.useRealTimers());

  function rig(read: () => Promise<FleetFigures>) {
    const registry = new Registry();
    createFleetMetrics(registry, read);
    return async () => parseScrape(await registry.metrics());
  }

  it("say what was read, once for some seconds, and nothing of what is gone", async () => {
    const found = [figures, empty];
    let reads = 0;
    const scrape = rig(async () => found[reads++] ?? empty);
    for (let n = 0; n < 2; n += 1) {
      const scraped = await scrape();
      expect(scraped.value("signet_runtime_instances", { ...place, state: "applied", version: "7" })).toBe(3);
      expect(scraped.value("signet_runtime_instances", { state: "rejected" })).toBe(1);
      expect(scraped.value("signet_active_sequence", place)).toBe(12);
      expect(scraped.value("signet_active_since_timestamp_seconds", place)).toBe(1_777_636_800);
      expect(scraped.value("signet_token_expiry_timestamp_seconds", { kind: "ci" })).toBe(1_780_272_000);
      expect(reads).toBe(1);
    }
    vi.advanceTimersByTime(15_001);
    expect((await scrape()).samples).toEqual([]);
    expect(reads).toBe(2);
  });

  it("keep the last figures while they cannot be read", async () => {
    let isBroken = false;
    const scrape = rig(async () => {
      if (isBroken) throw new Error("busy");
      return figures;
    });
    await scrape();
    isBroken = true;
    vi.advanceTimersByTime(15_001);
    expect((await scrape()).value("signet_active_sequence")).toBe(12);
  });
});

describe("the metric of the certificate", () => {
  it("follows the certificate in use, and is absent without one", async () => {
    const registry = new Registry();
    let end: Date | null = null;
    createCertificateMetrics(registry, () => end);
    const value = async () =>
      parseScrape(await registry.metrics()).value("signet_certificate_expiry_timestamp_seconds");
    expect(await value()).toBeUndefined();
    end = new Date("2026-06-01T00:00:00.000Z");
    expect(await value()).toBe(1_780_272_000);
    end = new Date("2026-07-01T00:00:00.000Z");
    expect(await value()).toBe(1_782_864_000);
  });
});
