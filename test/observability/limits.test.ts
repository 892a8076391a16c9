import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { LIMITS } from "../../src/core/limit.js";
import { createLimitMetrics } from "../../src/observability/limit-metrics.js";
import { parseScrape } from "./scrape.js";

it("counts every limit by its name, from the start", async () => {
  const registry = new Registry();
  const limits = createLimitMetrics(registry);
  limits.refused("max_connections");
  limits.refused("max_connections");
  const found = parseScrape(await registry.metrics());
  expect(found.samples.map(({ labels }) => labels.limit)).toEqual([...LIMITS]);
  for (const limit of LIMITS) {
    expect(found.value("signet_limit_refused_total", { limit })).toBe(limit === "max_connections" ? 2 : 0);
  }
});
