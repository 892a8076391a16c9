/** The code of a worker thread: does the tasks that it is sent, one after another. */
import { parentPort } from "node:worker_threads";
import { runDocumentTask, type DocumentTask } from "./document-tasks.js";
import { outcomeOf } from "./document-outcome.js";

parentPort?.on("message", (task: DocumentTask) => {
  parentPort?.postMessage(outcomeOf(() => runDocumentTask(task)));
});
