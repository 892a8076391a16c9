import { randomBytes } from "node:crypto";
import { statSync, truncateSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

/** In the data directory. Empty, it says that the reserve was released, and that the disk has been full since. */
const RESERVE_FILE = "signet.reserve";
const CHUNK_BYTES = 256 * 1024;

/**
 * Space that is kept for the day on which the disk is full: a file of that many bytes, whose release lets the changes through that
 * make room. It is written with random bytes, so that no file system stores it in less.
 */
export class DiskReserve {
  readonly #path: string;

  /** Of a data directory. Touches nothing yet. */
  constructor(directory: string) {
    this.#path = join(directory, RESERVE_FILE);
  }

  /** Bytes that are kept now. */
  get bytes(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Whether it was released and not filled again, by this process or by one before it. */
  get isReleased(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.size === 0;
  }

  /** Gives the space back to the file system. Returns whether there was any. */
  release(): boolean {
    try {
      if (this.bytes === 0) return false;
      truncateSync(this.#path, 0);
      return true;
    } catch {
      // A file system that cannot even do this helps nobody.
      return false;
    }
  }

  /**
   * Writes the reserve, beside `margin` bytes that must be free too and are free again at the end. Resolves with whether there was so
   * much; when there was not, it is what it was before. Rejects with the system's error when the file cannot be written.
   */
  async fill(bytes: number, margin: number): Promise<boolean> {
    const before = this.bytes;
    const file = await open(this.#path, "a", 0o600);
    try {
      await grow(file, before, bytes + margin);
      await file.truncate(bytes);
      await file.datasync();
      return true;
    } catch (error) {
      await file.truncate(before).catch(() => undefined);
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" || code === "EDQUOT") return false;
      throw error;
    } finally {
      await file.close();
    }
  }
}

async function grow(file: Awaited<ReturnType<typeof open>>, from: number, to: number): Promise<void> {
  const chunk = randomBytes(CHUNK_BYTES);
  for (let at = from; at < to;) {
    const { bytesWritten } = await file.write(chunk, 0, Math.min(CHUNK_BYTES, to - at));
    at += bytesWritten;
  }
}
