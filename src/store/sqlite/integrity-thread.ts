/** The entry of the thread that checks a database: SQLite reads every page, which would hold up everything else. */
import { parentPort, workerData } from "node:worker_threads";
import { connectToRead } from "./connect.js";
import { sqliteError } from "./errors.js";
import type { IntegrityAnswer, IntegrityTask } from "./integrity.js";

/** Problems that are told. */
const MAX_PROBLEMS = 10;

function check({ options, isFull }: IntegrityTask): IntegrityAnswer {
  try {
    const database = connectToRead(options);
    try {
      const pragma = isFull ? "integrity_check" : "quick_check";
      const rows = database.pragma(`${pragma}(${MAX_PROBLEMS})`) as readonly Readonly<Record<string, string>>[];
      const problems = rows.map((row) => row[pragma] ?? "").filter((text) => text !== "ok");
      if (isFull) problems.push(...danglingReferences(database));
      return { problems: problems.slice(0, MAX_PROBLEMS) };
    } finally {
      database.close();
    }
  } catch (thrown) {
    return { failure: sqliteError(thrown).message };
  }
}

function danglingReferences(database: ReturnType<typeof connectToRead>): readonly string[] {
  const found: string[] = [];
  const rows = database.prepare<[], { table: string; parent: string }>("pragma foreign_key_check").iterate();
  for (const { table, parent } of rows) {
    found.push(`a row of ${table} refers to one of ${parent} that is missing`);
    if (found.length === MAX_PROBLEMS) break;
  }
  return found;
}

parentPort?.postMessage(check(workerData as IntegrityTask));
