import { describe } from "vitest";

/** A suite for machines on which nothing is missing; elsewhere one line says that it does not run, and why. */
export function describeUnless(missing: string | null, title: string, tests: () => void): void {
  if (missing !== null) console.info(`${title}: not run, ${missing}`);
  describe.runIf(missing === null)(title, tests);
}
