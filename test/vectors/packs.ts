import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { VectorCase, VectorFile } from "./case.js";

/** The folder of the vectors. */
export const PACKS = fileURLToPath(new URL("./packs/", import.meta.url));

/** The text of a file of vectors. */
export function formatPacks(cases: readonly VectorCase[]): string {
  const file: VectorFile = { format: "signet-trust-vectors/1", cases };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** The cases on disk by the name of their file. */
export function readPacks(): ReadonlyMap<string, readonly VectorCase[]> {
  const files = readdirSync(PACKS).toSorted();
  return new Map(
    files.map((file) => {
      const { cases } = JSON.parse(readFileSync(`${PACKS}${file}`, "utf8")) as VectorFile;
      return [file.replace(/\.json$/, ""), cases];
    }),
  );
}
