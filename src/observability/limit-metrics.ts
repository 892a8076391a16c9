import { Counter, type Registry } from "prom-client";
import { LIMITS, type LimitObserver } from "../core/limit.js";

/** Counts what each limit refused. Every limit has a series from the start, at 0. */
export function createLimitMetrics(registry: Registry): LimitObserver {
  const refused = new Counter({
    name: "signet_limit_refused_total",
    help: "Refusals, by the name of the limit.",
    labelNames: ["limit"],
    registers: [registry],
  });
  for (const limit of LIMITS) refused.inc({ limit }, 0);
  return { refused: (limit) => refused.inc({ limit }) };
}
