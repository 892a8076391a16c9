import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { PUBLISH_PHASES, type ServiceObservers } from "../service/changes/observers.js";

/** In seconds. */
const PHASE_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const FANOUT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ATTEMPT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts what the use cases report. `replayable` are the operations that take an Idempotency-Key. */
export function createServiceMetrics(registry: Registry, replayable: readonly string[]): ServiceObservers {
  return {
    publishing: publishing(registry),
    idempotency: idempotency(registry, replayable),
    watch: watch(registry),
    deliveries: deliveries(registry),
    decisions: decisions(registry),
  };
}

function publishing(registry: Registry): ServiceObservers["publishing"] {
  const phases = new Histogram({
    name: "signet_publish_phase_duration_seconds",
    help: "Time of each phase of a publish or promotion; commit is the transaction with the wait for it.",
    labelNames: ["phase"],
    buckets: PHASE_BUCKETS,
    registers: [registry],
  });
  for (const phase of PUBLISH_PHASES) phases.zero({ phase });
  return { phase: (phase, durationMs) => phases.observe({ phase }, durationMs / 1000) };
}

function idempotency(registry: Registry, replayable: readonly string[]): ServiceObservers["idempotency"] {
  const replays = new Counter({
    name: "signet_idempotent_replays_total",
    help: "Retries that got the first answer because of their Idempotency-Key, by operation id.",
    labelNames: ["operation"],
    registers: [registry],
  });
  for (const operation of replayable) replays.inc({ operation }, 0);
  return { replayed: (operation) => replays.inc({ operation }) };
}

function watch(registry: Registry): ServiceObservers["watch"] {
  const behind = new Gauge({
    name: "signet_streams_behind",
    help: "Open streams that have not been sent the newest activation yet.",
    registers: [registry],
  });
  const fanout = new Histogram({
    name: "signet_activation_fanout_duration_seconds",
    help: "Time from the commit of a change until the last stream that was open then was handed it.",
    buckets: FANOUT_BUCKETS,
    registers: [registry],
  });
  return { behind: (change) => behind.inc(change), fed: (durationMs) => fanout.observe(durationMs / 1000) };
}

function deliveries(registry: Registry): ServiceObservers["deliveries"] {
  const attempts = new Histogram({
    name: "signet_webhook_attempt_duration_seconds",
    help: "Time of one try of a webhook delivery until its answer or its failure, by outcome.",
    labelNames: ["outcome"],
    buckets: ATTEMPT_BUCKETS,
    registers: [registry],
  });
  const ended = new Counter({
    name: "signet_webhook_deliveries_total",
    help: "Webhook deliveries that are over: delivered, or failed with no try left.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  for (const outcome of ["delivered", "failed"]) {
    attempts.zero({ outcome });
    ended.inc({ outcome }, 0);
  }
  return {
    tried(isDelivered, isLast, durationMs) {
      const outcome = isDelivered ? "delivered" : "failed";
      attempts.observe({ outcome }, durationMs / 1000);
      if (isLast) ended.inc({ outcome });
    },
  };
}

function decisions(registry: Registry): ServiceObservers["decisions"] {
  const taken = new Counter({
    name: "signet_opa_decisions_total",
    help: "Decisions that OPAs uploaded with their decision logs.",
    registers: [registry],
  });
  return { counted: (count) => taken.inc(count) };
}
