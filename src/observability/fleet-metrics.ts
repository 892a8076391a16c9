import { Gauge, type Registry } from "prom-client";
import type { Instant } from "../core/clock.js";
import type { FigurePlace, FleetFigures } from "../core/fleet-figures.js";

/** Scrapes within this time share one reading. */
const KEPT_MS = 15_000;

const NONE: FleetFigures = { instances: [], active: [], tokenExpiry: new Map() };

const PLACE = ["organization", "project", "environment"] as const;

/**
 * Live instances and what is active, by environment, and when tokens expire: read from the database on a scrape. While it cannot be read,
 * the last figures stay.
 */
export function createFleetMetrics(registry: Registry, read: () => Promise<FleetFigures>): void {
  const refresh = keptFor(KEPT_MS, read);
  const common = { registers: [registry] };
  new Gauge({
    ...common,
    name: "signet_runtime_instances",
    help: "Live runtime instances, by where they stand with the active sequence and by the version that they applied.",
    labelNames: [...PLACE, "state", "version"],
    async collect() {
      const { instances } = await refresh();
      this.reset();
      for (const { state, version, count, ...place } of instances) {
        this.set({ ...placeOf(place), state, version }, count);
      }
    },
  });
  new Gauge({
    ...common,
    name: "signet_active_sequence",
    help: "The active sequence of an environment.",
    labelNames: [...PLACE],
    async collect() {
      const { active } = await refresh();
      this.reset();
      for (const { sequence, ...place } of active) this.set(placeOf(place), sequence);
    },
  });
  new Gauge({
    ...common,
    name: "signet_active_since_timestamp_seconds",
    help: "When the active sequence of an environment became active, as a Unix time.",
    labelNames: [...PLACE],
    async collect() {
      const { active } = await refresh();
      this.reset();
      for (const { since, ...place } of active) this.set(placeOf(place), secondsOf(since));
    },
  });
  new Gauge({
    ...common,
    name: "signet_token_expiry_timestamp_seconds",
    help: "When the next token of a kind expires, as a Unix time; absent when none of the next 1,000 to expire is of the kind.",
    labelNames: ["kind"],
    async collect() {
      const { tokenExpiry } = await refresh();
      this.reset();
      for (const [kind, at] of tokenExpiry) this.set({ kind }, secondsOf(at));
    },
  });
}

/** The end of the TLS certificate in use; absent without TLS. */
export function createCertificateMetrics(registry: Registry, notAfter: () => Date | null): void {
  new Gauge({
    name: "signet_certificate_expiry_timestamp_seconds",
    help: "When the TLS certificate in use expires, as a Unix time; absent without TLS.",
    registers: [registry],
    collect() {
      const end = notAfter();
      // A gauge without labels is 0 from the start.
      this.remove();
      if (end !== null) this.set(end.getTime() / 1000);
    },
  });
}

/** Reads again when the last reading is older; calls meanwhile share one. A reading that fails leaves the last figures. */
function keptFor(keptMs: number, read: () => Promise<FleetFigures>): () => Promise<FleetFigures> {
  let figures = NONE;
  let readAtMs = -Infinity;
  let reading: Promise<void> | null = null;
  return async () => {
    if (performance.now() - readAtMs >= keptMs) {
      reading ??= read()
        .then((found) => {
          figures = found;
          readAtMs = performance.now();
        })
        .catch(() => undefined)
        .finally(() => (reading = null));
      await reading;
    }
    return figures;
  };
}

function placeOf({ organization, project, environment }: FigurePlace) {
  return { organization, project, environment };
}

function secondsOf(instant: Instant): number {
  return Date.parse(instant) / 1000;
}
