import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AppError } from "../../core/error.js";
import { flush } from "../../store/sqlite/flush.js";
import { lockDataDirectory, type DirectoryLock } from "../../store/sqlite/lock.js";
import { requireSafeDataDirectory } from "../database/data-directory-safety.js";
import { RESTORING } from "../database/data-directory.js";

/** What a file system may have in its root without being used. */
const ALWAYS_THERE = new Set(["lost+found"]);
/** Moved last: a directory with it is complete. */
const LAST = ["signet.head", "signet.db"];

/**
 * A directory in which a data directory is built, to appear under its name all at once: beside it, and renamed at the end. A target
 * that is a mount point cannot be renamed: there it is built inside, and the database is moved last. What an interrupted one left is
 * removed by the next.
 */
export class Staging implements AsyncDisposable {
  /** Where the data directory is built. */
  readonly data: string;
  readonly #target: string;
  readonly #root: string;
  readonly #isInside: boolean;
  #lock: DirectoryLock | null = null;

  /** Throws `conflict` if the target has anything in it, `unavailable` if nothing can be written there. */
  static open(target: string): Staging {
    const path = resolve(target);
    requireEmpty(path);
    const isInside = existsSync(path) && isMountPoint(path);
    // Beside it, the directory is made anew, for its owner alone.
    if (isInside) requireSafeDataDirectory(path);
    const root = isInside ? join(path, RESTORING) : `${path}${RESTORING}`;
    try {
      mkdirSync(root, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new AppError("unavailable", `cannot write to ${dirname(root)}: ${(cause as Error).message}`, { cause });
    }
    return new Staging(path, root, isInside);
  }

  private constructor(target: string, root: string, isInside: boolean) {
    this.#target = target;
    this.#root = root;
    this.#isInside = isInside;
    this.data = join(root, "data");
  }

  /** Throws `conflict` if another process restores into the same target. Empties `data`. */
  lock(native: { readonly nativeBinding?: string }): void {
    this.#lock = lockDataDirectory(join(this.#root, "lock"), native);
    for (const name of readdirSync(this.#root)) {
      if (name !== "lock" && name !== "native") rmSync(join(this.#root, name), { recursive: true, force: true });
    }
    mkdirSync(this.data, { mode: 0o700 });
  }

  /** The directory of the executable's SQLite library until there is a data directory. */
  get native(): string {
    return join(this.#root, "native");
  }

  /** Makes the target what `data` is, durably. */
  async publish(): Promise<void> {
    requireEmpty(this.#target);
    flush(this.data);
    if (this.#isInside) this.#moveFiles();
    else renameSync(this.data, this.#target);
    flush(dirname(this.#target));
  }

  /** Removes what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#lock === null) return removeEmpty(this.#root);
    await this.#lock[Symbol.asyncDispose]();
    rmSync(this.#root, { recursive: true, force: true });
  }

  #moveFiles(): void {
    const names = readdirSync(this.data).filter((name) => !LAST.includes(name));
    for (const name of [...names, ...LAST.filter((it) => existsSync(join(this.data, it)))]) {
      // Until its last file is there, the directory says that it is not complete (RESTORING).
      if (name === "signet.db") flush(this.#target);
      renameSync(join(this.data, name), join(this.#target, name));
    }
    flush(this.#target);
  }
}

/** What an interrupted restore into a mount point left there counts as nothing. */
function requireEmpty(path: string): void {
  const names = existsSync(path) ? namesIn(path) : [];
  const isLeftover = names.includes(RESTORING) && !names.includes("signet.db");
  if (isLeftover || names.every((name) => ALWAYS_THERE.has(name) || name === RESTORING)) return;
  throw new AppError("conflict", `${path} is not empty: name a new or an empty directory, or move its files away`, {
    reason: "not_empty",
  });
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw new AppError("unavailable", `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Another process may be working in it. */
function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // It is not empty, or gone.
  }
}

function isMountPoint(path: string): boolean {
  return statSync(path).dev !== statSync(dirname(path)).dev;
}
