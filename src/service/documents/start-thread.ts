import sea from "node:sea";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** The threads: the compiled entry of each, below src, and the name under which the executable carries it, bundled as CommonJS. */
export const THREADS = {
  documents: { file: "service/documents/document-worker.js", asset: "document-worker.js" },
  backup: { file: "service/backups/backup-thread.js", asset: "backup-thread.js" },
  schemas: { file: "service/documents/schema-worker.js", asset: "schema-worker.js" },
  database: { file: "store/sqlite/thread.js", asset: "database-thread.js" },
  integrity: { file: "store/sqlite/integrity-thread.js", asset: "integrity-thread.js" },
} as const;

/** Starts a thread. From the sources (tests), which no thread can load, its entry is the build's. */
export function startThread(name: keyof typeof THREADS, options: WorkerOptions = {}): Worker {
  const { file, asset } = THREADS[name];
  if (sea.isSea()) return new Worker(sea.getAsset(asset, "utf8"), { ...options, eval: true });
  const compiled = import.meta.url.endsWith(".ts") ? "../../../dist/src" : "../..";
  return new Worker(new URL(`${compiled}/${file}`, import.meta.url), options);
}
