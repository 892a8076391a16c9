import { rm } from "node:fs/promises";
import type { Worker } from "node:worker_threads";
import { AppError } from "../../core/error.js";
import { startThread } from "../documents/start-thread.js";
import type { WrittenArchive } from "./archive-writer.js";
import { UNFINISHED, type BackupMessage, type BackupTask } from "./backup-thread.js";

/** Told how far a backup is. */
export type OnBackupProgress = (progress: Extract<BackupMessage, { kind: "progress" }>) => void;

/** Makes a backup. Rejects with an AppError, or the signal's reason; nothing of it is left then. */
export type MakeBackup = (
  task: BackupTask,
  onProgress: OnBackupProgress,
  signal: AbortSignal,
) => Promise<WrittenArchive>;

/** Makes a backup in a thread of its own. */
export const makeBackup: MakeBackup = async (task, onProgress, signal) => {
  signal.throwIfAborted();
  const worker = startThread("backup", { workerData: task });
  const stop = () => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await resultOf(worker, onProgress);
  } catch (error) {
    await removeUnfinished(task.target);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
};

/** Removes what an interrupted backup left beside its name. */
export async function removeUnfinished(target: string): Promise<void> {
  for (const suffix of UNFINISHED) await rm(`${target}${suffix}`, { force: true });
}

/** Settles when the thread has ended: its files are closed then. */
function resultOf(worker: Worker, onProgress: OnBackupProgress): Promise<WrittenArchive> {
  return new Promise((resolve, reject) => {
    let end: () => void = () => reject(new AppError("internal", "the thread of the backup ended by itself"));
    worker.on("message", (message: BackupMessage) => {
      if (message.kind === "progress") return onProgress(message);
      if (message.kind === "done") {
        end = () => resolve(message.written);
        return;
      }
      const { code, message: text, reason } = message;
      end = () => reject(new AppError(code, text, reason === undefined ? {} : { reason }));
    });
    worker.on("error", (cause) => {
      end = () => reject(new AppError("internal", "the thread of the backup failed", { cause }));
    });
    worker.on("exit", () => end());
  });
}
