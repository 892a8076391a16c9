import { Gauge, type Registry } from "prom-client";
import { PUBLISH_PHASES, type PublishPhase, type ServiceObservers } from "../service/changes/observers.js";
import { CounterFamily, HistogramFamily, type HistogramChild } from "./families.js";

const PHASE_BUCKETS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];
const FED_BUCKETS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];
const ATTEMPT_BUCKETS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** Counts what the use cases tell. `replayable` are the operations that know Idempotency-Key. */
export function createServiceMetrics(registry: Registry, replayable: readonly string[]): ServiceObservers {
  return {
    publishing: publishing(registry),
    idempotency: idempotency(registry, replayable),
    watch: watch(registry),
    deliveries: deliveries(registry),
  };
}

function publishing(registry: Registry): ServiceObservers["publishing"] {
  const family = new HistogramFamily(
    {
      registry,
      name: "signet_publish_phase_duration_seconds",
      help: "Time of each phase of a publish or promotion; commit is the transaction with the wait for it.",
      labels: ["phase"],
    },
    PHASE_BUCKETS_MS,
  );
  const phases = Object.fromEntries(PUBLISH_PHASES.map((phase) => [phase, family.child(phase)]));
  return {
    phase: (phase, durationMs) => (phases as Record<PublishPhase, HistogramChild>)[phase].observeMs(durationMs),
  };
}

function idempotency(registry: Registry, replayable: readonly string[]): ServiceObservers["idempotency"] {
  const family = new CounterFamily({
    registry,
    name: "signet_idempotent_replays_total",
    help: "Retries that got the first answer because of their Idempotency-Key, by operation id.",
    labels: ["operation"],
  });
  for (const operation of replayable) family.child(operation);
  return { replayed: (operation) => family.child(operation).inc() };
}

function watch(registry: Registry): ServiceObservers["watch"] {
  const behind = new Gauge({
    name: "signet_streams_behind",
    help: "Open streams that were not yet handed what is newest.",
    registers: [registry],
  });
  const fed = new HistogramFamily(
    {
      registry,
      name: "signet_activation_fanout_duration_seconds",
      help: "Time from the commit of a change until the last stream that was open then was handed it.",
      labels: [],
    },
    FED_BUCKETS_MS,
  ).child();
  return { behind: (change) => behind.inc(change), fed: (durationMs) => fed.observeMs(durationMs) };
}

function deliveries(registry: Registry): ServiceObservers["deliveries"] {
  const attempts = new HistogramFamily(
    {
      registry,
      name: "signet_webhook_attempt_duration_seconds",
      help: "Time of one try of a webhook delivery until its answer or its failure, by outcome.",
      labels: ["outcome"],
    },
    ATTEMPT_BUCKETS_MS,
  );
  const ended = new CounterFamily({
    registry,
    name: "signet_webhook_deliveries_total",
    help: "Webhook deliveries that are over: delivered, or failed with no try left.",
    labels: ["outcome"],
  });
  const of = (outcome: string) => ({ attempt: attempts.child(outcome), ended: ended.child(outcome) });
  const [delivered, failed] = [of("delivered"), of("failed")];
  return {
    tried(isDelivered, isLast, durationMs) {
      const { attempt, ended } = isDelivered ? delivered : failed;
      attempt.observeMs(durationMs);
      if (isLast) ended.inc();
    },
  };
}
