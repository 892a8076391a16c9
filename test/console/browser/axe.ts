import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Lists of what is wrong alone: the rest is long. Shadow roots are looked into.
const RUN = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => id + " (" + help + ") at " + target.flat().join(" ") + ": " + failureSummary)))`;

/** What axe finds wrong in the page as it is now: a line for each element and rule. */
export async function axeViolations(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>(`"axe" in globalThis`))) await page.evaluate(AXE);
  return await page.evaluate<string[]>(RUN);
}
