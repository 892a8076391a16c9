import type { Registry } from "prom-client";
import { LIMITS, type LimitName, type LimitObserver } from "../core/limit.js";
import { CounterFamily, type CounterChild } from "./families.js";

/** Counts what each limit refused. All are there from the start, at 0. */
export function createLimitMetrics(registry: Registry): LimitObserver {
  const family = new CounterFamily({
    registry,
    name: "signet_limit_refused_total",
    help: "What a limit refused, by the limit's name.",
    labels: ["limit"],
  });
  const children = Object.fromEntries(LIMITS.map((limit) => [limit, family.child(limit)]));
  return {
    refused: (limit) => (children as Record<LimitName, CounterChild>)[limit].inc(),
  };
}
