import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Backup, BackupKind } from "../../core/backup.js";
import { AppError, notFound } from "../../core/error.js";
import { sumLine } from "./archive.js";
import { UNFINISHED } from "./backup-thread.js";

const NAME = /^signet-((\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-f]{6})-(once|kept|scheduled)\.tar$/;
const SUM = /^([0-9a-f]{64}) {2}/;

/** A new id: the time, to be read by people and to sort by, and random digits. */
export function newBackupId(now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, "");
  return `${time}Z-${randomBytes(3).toString("hex")}`;
}

/** The directory of a server's backups: one file for each, and one beside it with its hash, as `sha256sum` writes it. */
export class BackupFiles {
  constructor(readonly directory: string) {}

  /** Where a backup is written. Makes the directory (mode 0700). */
  async targetOf(id: string, kind: BackupKind): Promise<string> {
    try {
      await mkdir(this.directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new AppError("unavailable", `cannot create the directory of the backups: ${(cause as Error).message}`, {
        cause,
      });
    }
    return this.#pathOf({ id, kind });
  }

  /** Keeps the hash of a backup that is complete. Only from now on it is listed. */
  async finish(id: string, kind: BackupKind, sha256: string): Promise<void> {
    const path = this.#pathOf({ id, kind });
    await using file = await open(`${path}.sha256`, "w", 0o600);
    await file.writeFile(sumLine(nameOf({ id, kind }), sha256));
    await file.sync();
    await chmod(path, 0o600);
  }

  /** The complete backups, newest first. */
  async list(): Promise<readonly Backup[]> {
    const found: Backup[] = [];
    for (const name of await this.#names()) {
      const backup = await this.#read(name);
      if (backup !== null) found.push(backup);
    }
    return found.sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  /** Throws `not_found` if it was deleted. */
  async open(backup: Pick<Backup, "id" | "kind">): Promise<FileHandle> {
    try {
      return await open(this.#pathOf(backup), "r");
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "ENOENT" ? notFound("backup") : error;
    }
  }

  /** Deletes a backup; does nothing if it is gone. */
  async remove(backup: Pick<Backup, "id" | "kind">): Promise<void> {
    const path = this.#pathOf(backup);
    // The hash first: without it the backup is not listed.
    await rm(`${path}.sha256`, { force: true });
    await rm(path, { force: true });
  }

  /** Removes what an earlier process left: unfinished files, and backups that were to be taken away. */
  async removeLeftovers(): Promise<void> {
    for (const name of await this.#names()) {
      const base = UNFINISHED.reduce(
        (text, suffix) => (text.endsWith(suffix) ? text.slice(0, -suffix.length) : text),
        name,
      );
      const isUnfinished = base !== name && NAME.test(base);
      const isOver = NAME.exec(name.replace(/\.sha256$/, ""))?.[8] === "once";
      if (isUnfinished || isOver) await rm(join(this.directory, name), { force: true });
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw new AppError("unavailable", `cannot read the directory of the backups: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  async #read(name: string): Promise<Backup | null> {
    const [, id = "", year, month, day, hour, minute, second, kind] = NAME.exec(name) ?? [];
    if (kind === undefined) return null;
    const path = join(this.directory, name);
    try {
      const [sums, { size }] = await Promise.all([readFile(`${path}.sha256`, "latin1"), stat(path)]);
      const sha256 = SUM.exec(sums)?.[1];
      if (sha256 === undefined) return null;
      return {
        ...{ id, kind: kind as BackupKind, state: "ready", phase: null, percent: 100, error: null },
        ...{ createdAt: `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`, bytes: size, sha256 },
      };
    } catch {
      // It is being deleted, or is not complete yet.
      return null;
    }
  }

  #pathOf(backup: Pick<Backup, "id" | "kind">): string {
    return join(this.directory, nameOf(backup));
  }
}

function nameOf({ id, kind }: Pick<Backup, "id" | "kind">): string {
  return `signet-${id}-${kind}.tar`;
}
