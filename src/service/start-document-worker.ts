import sea from "node:sea";
import { Worker } from "node:worker_threads";

/** The name under which a single executable file carries the worker's code, bundled as CommonJS. */
const ASSET = "document-worker.js";

/** Starts a thread that runs document-worker.ts: the file beside this one, or the asset of a single executable. */
export function startDocumentWorker(): Worker {
  if (sea.isSea()) return new Worker(sea.getAsset(ASSET, "utf8"), { eval: true });
  return new Worker(new URL("./document-worker.js", import.meta.url));
}
