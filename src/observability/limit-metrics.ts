import type { Registry } from "prom-client";
import type { LimitObserver } from "../core/limit.js";
import { CounterFamily, type CounterChild } from "./families.js";

/** More names than there are limits: if a caller's text ever became one, it must not fill the memory. */
const MAX_LIMITS = 64;

/** Counts what each limit refused. `known` are there from the start, at 0. */
export function createLimitMetrics(registry: Registry, known: readonly string[]): LimitObserver {
  const family = new CounterFamily({
    registry,
    name: "signet_limit_refused_total",
    help: "What a limit refused, by the limit's name.",
    labels: ["limit"],
  });
  const children = new Map<string, CounterChild>(known.map((limit) => [limit, family.child(limit)]));
  return {
    refused(limit) {
      const child = children.get(limit) ?? family.child(children.size < MAX_LIMITS ? limit : "other");
      if (children.size < MAX_LIMITS) children.set(limit, child);
      child.inc();
    },
  };
}
