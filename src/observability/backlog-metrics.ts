import { Gauge, type Registry } from "prom-client";
import type { Clock } from "../core/clock.js";
import type { WebhookBacklog } from "../core/webhook.js";

/** Scrapes within this time share one reading. */
const KEPT_MS = 5_000;

const NOTHING: WebhookBacklog = { pending: 0, oldestAt: null };

/** The backlog of webhooks, read from the database on a scrape. While it cannot be read, the last figures stay. */
export function createBacklogMetrics(registry: Registry, clock: Clock, read: () => Promise<WebhookBacklog>): void {
  let backlog = NOTHING;
  let readAtMs = -Infinity;
  let reading: Promise<void> | null = null;
  const refresh = (): Promise<void> => {
    if (performance.now() - readAtMs < KEPT_MS) return Promise.resolve();
    reading ??= read()
      .then((found) => {
        backlog = found;
        readAtMs = performance.now();
      })
      .catch(() => undefined)
      .finally(() => (reading = null));
    return reading;
  };
  new Gauge({
    name: "signet_webhook_deliveries_pending",
    help: "Pending deliveries of active webhooks; at most 10,000 are counted.",
    registers: [registry],
    async collect() {
      await refresh();
      this.set(backlog.pending);
    },
  });
  new Gauge({
    name: "signet_webhook_oldest_pending_age_seconds",
    help: "Age of the oldest delivery or event that waits to be sent; 0 when none does.",
    registers: [registry],
    async collect() {
      await refresh();
      const { oldestAt } = backlog;
      this.set(oldestAt === null ? 0 : Math.max(0, clock.now().getTime() - Date.parse(oldestAt)) / 1000);
    },
  });
}
