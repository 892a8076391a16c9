import { statfs } from "node:fs/promises";
import type { Logger } from "pino";
import { AppError, diskFull } from "../../core/error.js";
import { isFullDisk } from "../../store/sqlite/errors.js";
import type { DiskFigures } from "../../observability/disk-metrics.js";
import type { OpenedStore } from "../../store/sqlite/open.js";
import type { DiskReserve } from "./reserve.js";

/** The reserve takes this part of the disk at most: on a disk of 4 MiB it is 512 KiB. */
const RESERVE_SHARE = 1 / 8;
/** With less than this no change would get through. */
const MIN_RESERVE_BYTES = 128 * 1024;
/** So much must become reusable inside of the database before the state ends without any more space on the disk. */
const MIN_FREED_BYTES = 256 * 1024;
/** Below this part of the disk a warning is logged. */
export const LOW_SHARE = 0.1;
/** Above it, that there is enough again. */
const ENOUGH_SHARE = 0.12;

/** What a DiskWatch works on. */
export interface DiskWatchParts {
  /** The data directory, for the log. */
  readonly directory: string;
  readonly reserve: DiskReserve;
  /** The size that the operator wants; 0 keeps none. */
  readonly reserveBytes: number;
  /** As OpenedStore's; null when the database was opened only to be read. */
  readonly reclaim: OpenedStore["reclaim"];
  readonly log: Pick<Logger, "error" | "warn" | "info">;
  /** Free and total bytes; of the data directory's file system unless told otherwise. */
  readonly measure?: () => Promise<{ readonly freeBytes: number; readonly sizeBytes: number }>;
}

/**
 * Watches the disk of the database. When a write finds it full, the reserve is released and the state "full" begins: `refusal` is what
 * changes are refused with, except those that make room or undo (`on_full_disk` of the proto). It ends by itself when the reserve can be
 * written again, or when deletions have made space inside of the database.
 */
export class DiskWatch {
  readonly #parts: DiskWatchParts;
  readonly #measure: NonNullable<DiskWatchParts["measure"]>;
  #space = { freeBytes: 0, sizeBytes: 0 };
  #refusal: AppError | null = null;
  /** Reusable bytes inside of the database when the state began; null before they are known. */
  #reusableBefore: number | null = null;
  #isTight = false;
  #isLow = false;
  #hasToldSize = false;

  constructor(parts: DiskWatchParts) {
    this.#parts = parts;
    this.#measure = parts.measure ?? (() => measure(parts.directory));
  }

  /** What changes are refused with while the disk is full; null while it is not. */
  get refusal(): AppError | null {
    return this.#refusal;
  }

  /** As of the last look. */
  get figures(): DiskFigures {
    return { ...this.#space, isFull: this.#refusal !== null };
  }

  /**
   * The first look, before there are requests: these could fill a disk before there is a reserve. The state goes on where the process
   * before left it.
   */
  async start(): Promise<void> {
    this.#space = await this.#measure();
    if (this.#parts.reclaim === null) return;
    this.#warnWhenLow();
    if (!this.#parts.reserve.isReleased || this.#parts.reserveBytes === 0) return await this.#tryToGrow();
    this.#begin(new AppError("unavailable", "the disk of the database is full"), "was full before this start");
    await this.#tryToEnd();
  }

  /**
   * Takes a failure of the database. For one of a full disk it releases the reserve, begins the state, and returns the error that
   * callers get; null for any other.
   */
  failed(error: AppError): AppError | null {
    if (!isFullDisk(error)) return null;
    const told = diskFull(error);
    if (this.#refusal === null) this.#begin(error, "is full");
    return told;
  }

  /** Looks at the space. Call it every second or so, never twice at once. Rejects when the file system does not answer. */
  async look(): Promise<void> {
    this.#space = await this.#measure();
    if (this.#parts.reclaim === null) return;
    this.#warnWhenLow();
    if (this.#refusal !== null) await this.#tryToEnd();
    else await this.#tryToGrow();
  }

  #begin(because: AppError, what: string): void {
    const { reserve, directory, log } = this.#parts;
    const reserveBytes = reserve.bytes;
    const isReleased = reserve.release();
    this.#refusal = diskFull(because);
    this.#reusableBefore = null;
    // Queued before whatever is tried again now.
    void this.#reclaim(true);
    const { code } = (because.cause ?? {}) as { code?: string };
    log.error(
      { cause: code, data: directory, freeBytes: this.#space.freeBytes, releasedBytes: isReleased ? reserveBytes : 0 },
      `the disk of the database ${what}: only activations, rollbacks, deletions and pruning are accepted; ` +
        "free space on the file system of the data directory, or delete old versions with " +
        "signet prune --keep-newest 20 --keep-days 0 --keep-production-days 0 --yes",
    );
  }

  async #tryToEnd(): Promise<void> {
    const reusable = await this.#reclaim(true);
    if (reusable === null) return;
    this.#reusableBefore ??= reusable;
    this.#space = await this.#measure();
    const { freeBytes } = this.#space;
    const wanted = this.#wantedBytes();
    if (freeBytes >= 2 * wanted && (await this.#fill(wanted, wanted))) return await this.#end(false);
    const freed = reusable - this.#reusableBefore;
    // The log needs space even where the database needs none: half of what there is.
    const half = Math.min(wanted, Math.floor(freeBytes / 2));
    if (freed < MIN_FREED_BYTES || freeBytes < 2 * MIN_RESERVE_BYTES || !(await this.#fill(half, 0))) return;
    await this.#end(true);
  }

  async #end(isTight: boolean): Promise<void> {
    if (!isTight) await this.#reclaim(false);
    this.#isTight = isTight;
    this.#refusal = null;
    this.#space = await this.#measure();
    const { reserve, directory, log } = this.#parts;
    log.info(
      { data: directory, freeBytes: this.#space.freeBytes, reserveBytes: reserve.bytes },
      "the disk of the database has space again: changes are accepted",
    );
  }

  /** Fills a reserve that is smaller than it is wanted, as far as there is room. */
  async #tryToGrow(): Promise<void> {
    const { reserve, reserveBytes, log, directory } = this.#parts;
    const wanted = this.#wantedBytes();
    const has = reserve.bytes;
    const { freeBytes } = this.#space;
    if (has < wanted && freeBytes >= 2 * wanted - has) {
      if (await this.#fill(wanted, 0)) await this.#loosen();
    } else if (has === 0 && wanted > 0 && freeBytes >= 2 * MIN_RESERVE_BYTES) {
      await this.#fill(Math.floor(freeBytes / 2), 0);
    }
    const now = reserve.bytes;
    if (this.#hasToldSize || now >= reserveBytes) return;
    this.#hasToldSize = true;
    log.info(
      { data: directory, reserveBytes: now, configuredBytes: reserveBytes, sizeBytes: this.#space.sizeBytes },
      "the disk reserve is smaller than configured, for the size of the disk or its free space",
    );
  }

  async #loosen(): Promise<void> {
    if (!this.#isTight) return;
    await this.#reclaim(false);
    this.#isTight = false;
  }

  /** 0 where there is to be none. */
  #wantedBytes(): number {
    return Math.min(this.#parts.reserveBytes, Math.floor(this.#space.sizeBytes * RESERVE_SHARE));
  }

  async #fill(bytes: number, margin: number): Promise<boolean> {
    // Without a reserve there is nothing to fill, and the free bytes have to be believed.
    if (this.#parts.reserveBytes === 0) return this.#space.freeBytes >= 2 * MIN_RESERVE_BYTES;
    return await this.#parts.reserve.fill(bytes, margin).catch(() => false);
  }

  async #reclaim(isTight: boolean): Promise<number | null> {
    try {
      return (await this.#parts.reclaim?.(isTight))?.reusableBytes ?? null;
    } catch {
      // As full as before: the next look tries again.
      return null;
    }
  }

  #warnWhenLow(): void {
    const { freeBytes, sizeBytes } = this.#space;
    const share = sizeBytes === 0 ? 1 : freeBytes / sizeBytes;
    const { directory: data, log } = this.#parts;
    if (!this.#isLow && share < LOW_SHARE) {
      this.#isLow = true;
      log.warn(
        { data, freeBytes, sizeBytes },
        "less than 10 % of the disk of the database is free: make room before it is full",
      );
    } else if (this.#isLow && share >= ENOUGH_SHARE) {
      this.#isLow = false;
      log.info({ data, freeBytes, sizeBytes }, "more than 10 % of the disk of the database is free again");
    }
  }
}

async function measure(directory: string): Promise<{ freeBytes: number; sizeBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
