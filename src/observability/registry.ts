import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** How often the delay of the event loop is sampled; each sample wakes the process. */
const EVENT_LOOP_SAMPLE_MS = 20;

/** A registry with what every Node process has (`process_*`, `nodejs_*`) and what was built. */
export function createRegistry(version: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  new Gauge({
    name: "signet_build_info",
    help: "Always 1; the labels describe the build.",
    labelNames: ["version", "node_version"],
    registers: [registry],
  }).set({ version, node_version: process.version }, 1);
  return registry;
}
