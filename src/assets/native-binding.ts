import { createHash, randomUUID } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { readFileSync, renameSync, rmSync, writeSync, type Stats } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { readExecutableAsset } from "./assets.js";
import { AppError } from "../core/error.js";

const FILE_NAME = /^better_sqlite3-[0-9a-f]{64}\.node$/;

/**
 * Where better-sqlite3 finds its compiled part; undefined in a package, where it finds it by itself. The executable has it inside
 * and writes it to `directory`, since the system loads code from files only.
 *
 * Throws `unavailable` when the directory is not this user's alone, cannot be written, or may not hold code (noexec).
 */
export function openNativeBinding(directory: string): string | undefined {
  const bytes = readExecutableAsset("nativeBinding");
  if (bytes === null) return undefined;
  const file = placeCode(resolve(directory), bytes);
  load(file);
  return file;
}

/**
 * Puts code into a file that is named by its SHA-256, unless it is there already, and returns its path. What this user or root has
 * not written, what others can write, and what differs by a byte is not used but replaced.
 */
export function placeCode(directory: string, bytes: Uint8Array): string {
  const name = `better_sqlite3-${createHash("sha256").update(bytes).digest("hex")}.node`;
  const file = join(directory, name);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const stat = lstatSync(directory);
    if (!stat.isDirectory() || !isTrusted(stat)) {
      throw new AppError("unavailable", `${directory} must be a directory that only its owner can write to`);
    }
    if (holds(file, bytes)) return file;
    write(file, bytes);
    removeOlder(directory, name);
    return file;
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new AppError("unavailable", `cannot put SQLite's compiled part into ${directory}: ${why}`, { cause: thrown });
  }
}

/** The same bytes, in a plain file that no other account can have changed. */
function holds(path: string, bytes: Uint8Array): boolean {
  let file: number;
  try {
    // Neither a link nor a pipe that is never written to.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const stat = fstatSync(file);
    return stat.isFile() && isTrusted(stat) && stat.size === bytes.length && readFileSync(file).equals(bytes);
  } finally {
    closeSync(file);
  }
}

/** Whole or not at all: another process may look for it at the same moment. */
function write(path: string, bytes: Uint8Array): void {
  const unfinished = `${path}.${randomUUID()}.new`;
  const file = openSync(unfinished, "wx", 0o600);
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    fsyncSync(file);
  } catch (thrown) {
    rmSync(unfinished, { force: true });
    throw thrown;
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
}

/** Other releases' files. A process that runs one of them keeps it, whatever its name. */
function removeOlder(directory: string, current: string): void {
  for (const name of readdirSync(directory)) {
    if (name !== current && FILE_NAME.test(name)) rmSync(join(directory, name), { force: true });
  }
}

function isTrusted({ uid, mode }: Stats): boolean {
  return (uid === 0 || uid === process.geteuid?.()) && (mode & 0o022) === 0;
}

/** Loads the module before the first database is opened, for a clear error. better-sqlite3 gets the same module then. */
function load(file: string): void {
  try {
    createRequire(process.execPath)(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = "if its file system is mounted noexec, set SIGNET_NATIVE_DIRECTORY to a directory on another one";
    throw new AppError("unavailable", `cannot load SQLite from ${file}: ${why}; ${hint}`, { cause });
  }
}
