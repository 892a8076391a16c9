/**
 * The entry of the thread that makes one backup: it copies the database, checks the copy and packs it. It ends with its task; the one
 * that started it removes what a thread that was stopped leaves.
 */
import { rename, rm } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";
import { defined } from "../../core/defined.js";
import type { BackupPhase } from "../../core/backup.js";
import { AppError, type AppErrorCode } from "../../core/error.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import { copyDatabase } from "../../store/sqlite/copy.js";
import { writeArchive, type WrittenArchive } from "./archive-writer.js";
import { checkDatabase } from "./database-check.js";
import type { ManifestKeys } from "./manifest.js";
import { sealKeys, type KeyFiles } from "./sealed-keys.js";

/** What the thread is started with. */
export interface BackupTask {
  readonly database: SqliteOptions;
  /** The path of the backup; what is unfinished has this name with a suffix. */
  readonly target: string;
  readonly keys: ManifestKeys;
  /** The private keys that go along, and the passphrase that encrypts them; null for none. */
  readonly secrets: { readonly files: KeyFiles; readonly passphrase: string } | null;
  readonly programVersion: string;
  readonly createdAt: string;
}

/** A message of the thread: several about its progress, and one about its end. */
export type BackupMessage =
  | { readonly kind: "progress"; readonly phase: BackupPhase; readonly percent: number }
  | { readonly kind: "done"; readonly written: WrittenArchive }
  | { readonly kind: "failed"; readonly code: AppErrorCode; readonly message: string; readonly reason?: string };

/** The suffixes of unfinished files beside a backup. */
export const UNFINISHED = [".db", ".db.partial", ".db.partial-journal", ".partial"] as const;

async function make(task: BackupTask): Promise<WrittenArchive> {
  const { database, target, keys, secrets, programVersion, createdAt } = task;
  const copy = `${target}.db`;
  const partial = `${target}.partial`;
  try {
    const bytes = await copyDatabase(database, copy, {
      isGentle: true,
      purpose: "a backup",
      // The copy is packed beside itself.
      reserveBytes: (size) => size + 1024 * 1024,
      onProgress: (done, total) => report("copying", done, total),
    });
    const { nativeBinding } = database;
    const facts = await checkDatabase(
      { file: copy, ...defined({ nativeBinding }) },
      { keys, mayMigrate: false, onProgress: (done, total) => report("checking", done, total) },
    );
    const sealedKeys = secrets === null ? null : await sealKeys(secrets.files, secrets.passphrase);
    const written = await writeArchive(partial, {
      database: copy,
      sealedKeys,
      manifest: { ...facts, keys, programVersion, createdAt },
      onProgress: (done) => report("packing", done, bytes),
    });
    await rename(partial, target);
    return written;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await rm(copy, { force: true });
  }
}

let last = "";

/** Tells each percent once. */
function report(phase: BackupPhase, done: number, total: number): void {
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  const now = `${phase} ${percent}`;
  if (now === last) return;
  last = now;
  post({ kind: "progress", phase, percent });
}

function post(message: BackupMessage): void {
  parentPort?.postMessage(message);
}

async function run(): Promise<void> {
  try {
    post({ kind: "done", written: await make(workerData as BackupTask) });
  } catch (thrown) {
    const { code, message, reason } = errorOf(thrown);
    post({ kind: "failed", code, message, ...(reason === undefined ? {} : { reason }) });
  }
}

function errorOf(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const { code, message } = thrown as NodeJS.ErrnoException;
  return new AppError(code === undefined ? "internal" : "unavailable", `the backup cannot be written: ${message}`);
}

// No await: the executable's script is CommonJS, which cannot wait at its top.
void run();
