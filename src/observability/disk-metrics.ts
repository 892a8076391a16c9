import { Gauge, type Registry } from "prom-client";

/** The file system of the data directory. */
export interface DiskFigures {
  /** What the server can still write, its reserve not counted. */
  readonly freeBytes: number;
  readonly sizeBytes: number;
  /** Only what frees space or undoes is accepted. */
  readonly isFull: boolean;
}

/** The disk of the database, as the server saw it within the last second or so. */
export function createDiskMetrics(registry: Registry, read: () => DiskFigures): void {
  const gauge = (name: string, help: string, value: (figures: DiskFigures) => number) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      collect() {
        this.set(value(read()));
      },
    });
  gauge(
    "signet_disk_free_bytes",
    "Free space on the file system of the data directory, the reserve not counted.",
    ({ freeBytes }) => freeBytes,
  );
  gauge("signet_disk_size_bytes", "Size of the file system of the data directory.", ({ sizeBytes }) => sizeBytes);
  gauge(
    "signet_disk_full",
    "1 while the disk is full and only activations, rollbacks, deletions and pruning are accepted; else 0.",
    ({ isFull }) => (isFull ? 1 : 0),
  );
}
