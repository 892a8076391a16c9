import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { ConnectionCounts } from "../api/listener/connections.js";
import type { RequestObserver } from "../api/http/request-observer.js";
import { STREAM_PROTOCOLS, type StreamObserver } from "../api/admission/stream-observer.js";
import type { Clock } from "../core/clock.js";
import type { FleetFigures } from "../core/fleet-figures.js";
import type { LimitObserver } from "../core/limit.js";
import type { WebhookBacklog } from "../core/webhook.js";
import type { ServiceObservers } from "../service/changes/observers.js";
import type { Store } from "../store/store.js";
import { createBackupMetrics, type BackupFigures } from "./backup-metrics.js";
import { createBacklogMetrics } from "./backlog-metrics.js";
import { createDiskMetrics, type DiskFigures } from "./disk-metrics.js";
import { createCertificateMetrics, createFleetMetrics } from "./fleet-metrics.js";
import { createLimitMetrics } from "./limit-metrics.js";
import { createNodeMetrics, type NodeFigures } from "./node-metrics.js";
import { createRequestMetrics } from "./request-metrics.js";
import { createServiceMetrics } from "./service-metrics.js";
import { timeStore } from "./timed-store.js";

/** How often the delay of the event loop is sampled; each sample wakes the process. */
const EVENT_LOOP_SAMPLE_MS = 20;

/** The operations that take an Idempotency-Key. */
const REPLAYABLE = ["publishBundle", "promoteBundle", "activateBundle", "rollbackBundle"];

/** The figures that are read on a scrape. */
export interface ScrapeSources {
  readonly clock: Clock;
  readonly webhookBacklog: () => Promise<WebhookBacklog>;
  readonly fleet: () => Promise<FleetFigures>;
  /** The end of the TLS certificate in use; null without TLS. */
  readonly certificateNotAfter: () => Date | null;
  readonly heldPolls: () => number;
  readonly connections: () => ConnectionCounts;
  readonly droppedLogLines: () => number;
  readonly backups: () => BackupFigures;
  readonly nodes: NodeFigures;
  /** Null when the data is not on a disk of this machine. */
  readonly disk: (() => DiskFigures) | null;
}

/** The observer of each layer, and the page of metrics. */
export interface Metrics {
  readonly requests: RequestObserver;
  readonly streams: StreamObserver;
  readonly limits: LimitObserver;
  readonly services: ServiceObservers;
  timeStore(store: Store): Store;
  /** Adds the figures that are read on a scrape. */
  readFrom(sources: ScrapeSources): void;
  /** In Prometheus' text format. */
  readonly contentType: string;
  /** The page. Scrapes at the same time share one. */
  render(): Promise<string>;
}

/** The instruments of one server, in a registry of its own. */
export function createMetrics(version: string): Metrics {
  const registry = createRegistry(version);
  const limits = createLimitMetrics(registry);
  let rendering: Promise<string> | null = null;
  return {
    requests: createRequestMetrics(registry, limits),
    streams: createStreamMetrics(registry),
    limits,
    services: createServiceMetrics(registry, REPLAYABLE),
    timeStore: (store) => timeStore(store, registry),
    readFrom(sources) {
      const { clock, webhookBacklog, fleet, certificateNotAfter, heldPolls, connections } = sources;
      const { droppedLogLines, disk, backups, nodes } = sources;
      createConnectionMetrics(registry, connections);
      createBacklogMetrics(registry, clock, webhookBacklog);
      createFleetMetrics(registry, fleet);
      createCertificateMetrics(registry, certificateNotAfter);
      if (disk !== null) createDiskMetrics(registry, disk);
      createBackupMetrics(registry, backups);
      createNodeMetrics(registry, nodes);
      new Gauge({
        name: "signet_held_polls",
        help: "Long polls that are held open.",
        registers: [registry],
        collect() {
          this.set(heldPolls());
        },
      });
      new Counter({
        name: "signet_log_lines_dropped_total",
        help: "Log lines dropped because standard error was full: no disk space, or a slow reader.",
        registers: [registry],
        collect() {
          this.reset();
          this.inc(droppedLogLines());
        },
      });
    },
    contentType: registry.contentType,
    render: () => (rendering ??= registry.metrics().finally(() => (rendering = null))),
  };
}

function createStreamMetrics(registry: Registry): StreamObserver {
  const gauge = new Gauge({
    name: "signet_streams_open",
    help: "Watches that are open, by protocol.",
    labelNames: ["protocol"],
    registers: [registry],
  });
  const children = new Map(STREAM_PROTOCOLS.map((protocol) => [protocol as string, gauge.labels(protocol)]));
  for (const child of children.values()) child.set(0);
  return {
    opened: (protocol) => children.get(protocol)?.inc(),
    closed: (protocol) => children.get(protocol)?.dec(),
  };
}

/** A registry with the metrics of every Node process (`process_*`, `nodejs_*`) and the build. */
function createRegistry(version: string): Registry {
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

/** Connections of the main port, counted on each scrape. */
function createConnectionMetrics(registry: Registry, read: () => ConnectionCounts): void {
  new Gauge({
    name: "signet_connections_open",
    help: "Connections of the main port, by whether they have presented a valid token.",
    labelNames: ["authenticated"],
    registers: [registry],
    collect() {
      const { authenticated, unauthenticated } = read();
      this.set({ authenticated: "true" }, authenticated);
      this.set({ authenticated: "false" }, unauthenticated);
    },
  });
}
