import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { CounterFamily, HistogramFamily } from "../../src/observability/families.js";
import { LIMITS } from "../../src/core/limit.js";
import { createLimitMetrics } from "../../src/observability/limit-metrics.js";
import { parseScrape } from "./scrape.js";

function rig() {
  const registry = new Registry();
  return { registry, read: async () => parseScrape(await registry.metrics()) };
}

describe("a histogram", () => {
  it("tells seconds of milliseconds, cumulative, and a bound belongs to its bucket", async () => {
    const { registry, read } = rig();
    const family = new HistogramFamily({ registry, name: "t_seconds", help: "h", labels: ["a"] }, [1, 10, 100]);
    const child = family.child("x");
    for (const durationMs of [0.5, 1, 1.001, 10, 99, 100.5, 5000]) child.observeMs(durationMs);
    const found = await read();
    expect(found.types.get("t_seconds")).toBe("histogram");
    const bucket = (le: string) => found.value("t_seconds_bucket", { a: "x", le });
    expect([bucket("0.001"), bucket("0.01"), bucket("0.1"), bucket("+Inf")]).toEqual([2, 4, 5, 7]);
    expect(found.value("t_seconds_count", { a: "x" })).toBe(7);
    expect(found.value("t_seconds_sum", { a: "x" })).toBeCloseTo(5.212001, 9);
  });

  it("is there, and empty, as soon as somebody has a child of it", async () => {
    const { registry, read } = rig();
    new HistogramFamily({ registry, name: "t_seconds", help: "h", labels: [] }, [1]).child();
    const found = await read();
    expect([found.value("t_seconds_count"), found.value("t_seconds_sum")]).toEqual([0, 0]);
  });
});

describe("a counter", () => {
  it("is one for all children with the same values, and only those", async () => {
    const { registry, read } = rig();
    const family = new CounterFamily({ registry, name: "t_total", help: "h", labels: ["a", "b"] });
    family.child("x", "y").inc();
    family.child("x", "y").inc();
    family.child("xy", "").inc();
    family.child("", "xy");
    const found = await read();
    expect(found.value("t_total", { a: "x", b: "y" })).toBe(2);
    expect(found.value("t_total", { a: "xy", b: "" })).toBe(1);
    expect(found.value("t_total", { a: "", b: "xy" })).toBe(0);
  });

  it("refuses other labels than its own, and a name that is taken", () => {
    const { registry } = rig();
    const family = new CounterFamily({ registry, name: "t_total", help: "h", labels: ["a"] });
    expect(() => family.child("x", "y")).toThrow("t_total");
    expect(() => new CounterFamily({ registry, name: "t_total", help: "h", labels: [] })).toThrow("t_total");
  });

  it("escapes what would break a line", async () => {
    const { registry, read } = rig();
    new CounterFamily({ registry, name: "t_total", help: "h", labels: ["a"] }).child('x"\n}\\ 9').inc();
    expect((await read()).samples).toHaveLength(1);
  });
});

describe("limits", () => {
  it("are all there from the start, and each is counted by its name", async () => {
    const { registry, read } = rig();
    const limits = createLimitMetrics(registry);
    limits.refused("max_connections");
    limits.refused("max_connections");
    const found = await read();
    expect(found.samples.map(({ labels }) => labels.limit)).toEqual([...LIMITS]);
    for (const limit of LIMITS) {
      expect(found.value("signet_limit_refused_total", { limit })).toBe(limit === "max_connections" ? 2 : 0);
    }
  });
});
