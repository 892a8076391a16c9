import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** In the data directory. It holds nothing that is missed when it is lost. */
const FILE = "signet.growth";
const HOUR_MS = 3_600_000;
/** A week, hour by hour. */
const MAX_SAMPLES = 7 * 24 + 1;
/** Less than this says nothing about days. */
const MIN_SPAN_MS = 6 * HOUR_MS;

/** The size of the database at a time. */
interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How much a database grows. */
export interface Growth {
  readonly bytesPerDay: number;
  /** The time that it was observed over. */
  readonly spanMs: number;
}

/** The sizes that a database had in the last seven days, kept in a small file beside it. */
export class DatabaseGrowth {
  readonly #directory: string;

  /** Of a data directory. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes of the database and its log now. */
  get bytes(): number {
    return ["signet.db", "signet.db-wal"]
      .map((name) => statSync(join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
  }

  /** Adds the size of now, at most once an hour. Does nothing where the file cannot be written. */
  sample(now: Date): void {
    const samples = this.#read();
    const newest = samples.at(-1);
    const atMs = now.getTime();
    if (newest !== undefined && atMs - newest.atMs < HOUR_MS && atMs >= newest.atMs) return;
    // A clock that was set back makes the ones after it worthless.
    const kept = samples.filter((it) => it.atMs < atMs && atMs - it.atMs <= 7 * 24 * HOUR_MS);
    const all = [...kept, { atMs, bytes: this.bytes }].slice(-MAX_SAMPLES);
    try {
      const path = join(this.#directory, FILE);
      writeFileSync(`${path}.new`, `${JSON.stringify(all)}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    } catch {
      // A full or read-only disk: the growth is not what matters there.
    }
  }

  /** Null while there are not six hours to judge by. */
  rate(now: Date): Growth | null {
    const [oldest] = this.#read();
    const spanMs = oldest === undefined ? 0 : now.getTime() - oldest.atMs;
    if (oldest === undefined || spanMs < MIN_SPAN_MS) return null;
    return { bytesPerDay: Math.max(0, ((this.bytes - oldest.bytes) / spanMs) * 24 * HOUR_MS), spanMs };
  }

  #read(): readonly Sample[] {
    try {
      const parsed: unknown = JSON.parse(readFileSync(join(this.#directory, FILE), "utf8"));
      return Array.isArray(parsed) ? parsed.filter(isSample) : [];
    } catch {
      // None yet, or one that a power cut tore.
      return [];
    }
  }
}

function isSample(value: unknown): value is Sample {
  const { atMs, bytes } = (value ?? {}) as Partial<Record<keyof Sample, unknown>>;
  return Number.isFinite(atMs) && Number.isFinite(bytes);
}
