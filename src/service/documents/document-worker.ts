/** The code of a worker thread: does the tasks that it is sent, one after another. */
import { parentPort } from "node:worker_threads";
import { outcomeOf } from "./document-outcome.js";
import { runDocumentTask, type DocumentTask, type YamlTask } from "./document-tasks.js";
import { readYaml } from "./yaml-text.js";

parentPort?.on("message", (task: DocumentTask | YamlTask) => {
  parentPort?.postMessage(
    outcomeOf(() => (task.kind === "yaml" ? readYaml(task.field, task.text) : runDocumentTask(task))),
  );
});
