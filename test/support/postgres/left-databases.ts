import { afterAll } from "vitest";

/** Databases of the test file that runs in this worker, which nobody has dropped so far, and how to drop each. */
export const leftDatabases = new Map<string, () => Promise<void>>();

// Vitest's setup file: runs anew for each test file.
afterAll(async () => {
  await Promise.all([...leftDatabases.values()].map((drop) => drop()));
});
