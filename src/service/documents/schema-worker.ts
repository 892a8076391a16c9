/** The code of a worker thread: compiles schemas and checks policies against them, one task after another. */
import { parentPort } from "node:worker_threads";
import { outcomeOf } from "./document-outcome.js";
import { runSchemaTask, type SchemaTask } from "./schema-tasks.js";

parentPort?.on("message", (task: SchemaTask) => {
  parentPort?.postMessage(outcomeOf(() => runSchemaTask(task)));
});
