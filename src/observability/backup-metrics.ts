import { Gauge, type Registry } from "prom-client";
import type { Instant } from "../core/clock.js";

/** The figures of backups that are read on a scrape. */
export interface BackupFigures {
  /** When the newest backup was made; null if there is none. */
  readonly lastSuccess: Instant | null;
  /** Between scheduled backups; 0 makes none. */
  readonly intervalSeconds: number;
}

/** Adds the gauges of backups: one can be too old only beside the interval. */
export function createBackupMetrics(registry: Registry, read: () => BackupFigures): void {
  new Gauge({
    name: "signet_backup_last_success_timestamp_seconds",
    help: "When the newest backup was made, in seconds since 1970; 0 if there is none.",
    registers: [registry],
    collect() {
      const { lastSuccess } = read();
      this.set(lastSuccess === null ? 0 : Date.parse(lastSuccess) / 1000);
    },
  });
  new Gauge({
    name: "signet_backup_interval_seconds",
    help: "Time between scheduled backups (SIGNET_BACKUP_EVERY); 0 if none are scheduled.",
    registers: [registry],
    collect() {
      this.set(read().intervalSeconds);
    },
  });
}
