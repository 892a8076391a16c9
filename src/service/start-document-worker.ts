import sea from "node:sea";
import { Worker } from "node:worker_threads";

/** The name under which a single executable file carries the worker's code, bundled as CommonJS. */
const ASSET = "document-worker.js";

/** The compiled entry of the thread. From the sources (tests), which no thread can load, it is the build's. */
const FILE = import.meta.url.endsWith(".ts") ? "../../dist/src/service/document-worker.js" : "./document-worker.js";

/** Starts a thread that runs document-worker.ts. */
export function startDocumentWorker(): Worker {
  if (sea.isSea()) return new Worker(sea.getAsset(ASSET, "utf8"), { eval: true });
  return new Worker(new URL(FILE, import.meta.url));
}
