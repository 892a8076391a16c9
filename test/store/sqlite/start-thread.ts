import { startThread } from "../../../src/service/documents/start-thread.js";
import type { StartDatabaseThread } from "../../../src/store/sqlite/thread-channel.js";

/** The thread as a server starts it. */
export const startDatabaseThread: StartDatabaseThread = (workerData, transferList) =>
  startThread("database", { workerData, transferList });
