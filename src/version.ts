import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The version of package.json, the one place that has it. */
export const VERSION = versionOf(dirname(fileURLToPath(import.meta.url)));

/** Goes up from this file: sources and compiled files lie at different depths. */
function versionOf(directory: string): string {
  try {
    const { name, version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
      name?: string;
      version?: string;
    };
    if (name === "signet" && version !== undefined) return version;
  } catch {
    // Not here; look above.
  }
  const parent = dirname(directory);
  if (parent === directory) throw new Error("package.json of signet was not found");
  return versionOf(parent);
}
