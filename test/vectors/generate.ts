/** Makes test/vectors/packs anew: `npx tsx test/vectors/generate.ts`. The keys and times are fixed, so that the bytes are the same each time. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { allCases } from "./make/all-cases.js";
import { formatPacks, PACKS } from "./packs.js";

rmSync(PACKS, { recursive: true, force: true });
mkdirSync(PACKS, { recursive: true });
for (const [file, cases] of await allCases()) {
  writeFileSync(`${PACKS}${file}.json`, formatPacks(cases));
  console.log(`${file}.json: ${cases.length} cases`);
}
