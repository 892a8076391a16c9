import { readFile } from "node:fs/promises";
import { parseCachedActivation, type BundleCache } from "../../sdk/index.js";
import { writeFileAtomically } from "../shell/text-files.js";

/** A bundle cache in one file, which only its owner can read. What it holds is verified again by whoever loads it. */
export function createFileCache(file: string): BundleCache {
  return {
    async load() {
      try {
        return parseCachedActivation(await readFile(file, "utf8"));
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw thrown;
      }
    },
    store: (activation) => writeFileAtomically(file, `${JSON.stringify(activation)}\n`, 0o600),
  };
}
