import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WebhookBacklog } from "../../src/core/webhook.js";
import { createBacklogMetrics } from "../../src/observability/backlog-metrics.js";
import { parseScrape } from "./scrape.js";

const NOW = Date.parse("2026-05-01T12:00:00.000Z");

describe("the backlog of webhooks", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => void vi.useRealTimers());

  function rig(read: () => Promise<WebhookBacklog>) {
    const registry = new Registry();
    createBacklogMetrics(registry, { now: () => new Date(NOW), monotonicMs: () => 0 }, read);
    return async () => {
      const found = parseScrape(await registry.metrics());
      return [
        found.value("signet_webhook_deliveries_pending"),
        found.value("signet_webhook_oldest_pending_age_seconds"),
      ];
    };
  }

  it("is read once for a scrape, and not again for some seconds", async () => {
    let reads = 0;
    const scrape = rig(async () => ({ pending: (reads += 1), oldestAt: new Date(NOW - 90_000).toISOString() }));
    expect([await scrape(), await scrape()]).toEqual([
      [1, 90],
      [1, 90],
    ]);
    vi.advanceTimersByTime(5_001);
    expect(await scrape()).toEqual([2, 90]);
    expect(reads).toBe(2);
  });

  it("has the age 0 when nothing waits, also when a clock went back", async () => {
    expect(await rig(async () => ({ pending: 0, oldestAt: null }))()).toEqual([0, 0]);
    const future = new Date(NOW + 1000).toISOString();
    expect(await rig(async () => ({ pending: 1, oldestAt: future }))()).toEqual([1, 0]);
  });

  it("that cannot be read fails no scrape, and is read again by the next", async () => {
    let isBroken = true;
    const scrape = rig(async () => {
      if (isBroken) throw new Error("busy");
      return { pending: 7, oldestAt: null };
    });
    expect(await scrape()).toEqual([0, 0]);
    isBroken = false;
    expect(await scrape()).toEqual([7, 0]);
  });
});
