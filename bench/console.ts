/** Prints the sizes of the built console: what the first screen loads, what each other screen adds, and of what that is made. */
import { fileURLToPath } from "node:url";
import { consoleParts } from "../packaging/console-sizes.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SHOWN = 30;

/** Prints its tables, in KiB of gzip. */
export async function benchConsole(): Promise<void> {
  const parts = consoleParts(ROOT);
  console.log("\nThe console, KiB after gzip; of each screen, what it loads beyond the first load\n");
  console.table(Object.fromEntries(parts.map(({ name, gzipBytes }) => [name, { KiB: kib(gzipBytes) }])));
  for (const { name, shares } of parts.filter(({ gzipBytes }) => gzipBytes > 16 * 1024)) {
    console.log(`\n${name}\n`);
    console.table(Object.fromEntries(shares.slice(0, SHOWN).map(([source, bytes]) => [source, { KiB: kib(bytes) }])));
  }
}

function kib(bytes: number): number {
  return Number((bytes / 1024).toFixed(1));
}
