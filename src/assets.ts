import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { getRawAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";

/**
 * Files that travel with the program, by their place in the package. The executable has them inside (packaging/build.ts reads this
 * list); the package has them on disk.
 */
export const PACKAGE_ASSETS = ["package.json", "LICENSE"] as const;

/** What the build makes: only the executable has these. */
export const EXECUTABLE_ASSETS = {
  /** SQLite's compiled part. */
  nativeBinding: "better_sqlite3.node",
  /** The licences of everything inside of the executable. */
  thirdPartyLicenses: "THIRD-PARTY-LICENSES",
} as const;

/** Whether this process is the one file, and not Node with a package. */
export const isExecutable = isSea();

/** Reads a file of the package. Throws Node's own error when the installation lacks it. */
export function readPackageAsset(name: (typeof PACKAGE_ASSETS)[number]): Buffer {
  return isExecutable ? embedded(name) : readFileSync(join(packageRoot(), name));
}

/** Reads what only the executable has; null in a package. The bytes are the executable's own and must not be written to. */
export function readExecutableAsset(name: keyof typeof EXECUTABLE_ASSETS): Buffer | null {
  return isExecutable ? embedded(EXECUTABLE_ASSETS[name]) : null;
}

function embedded(name: string): Buffer {
  return Buffer.from(getRawAsset(name) as ArrayBuffer);
}

/** Goes up from this file: sources and compiled files lie at different depths. */
function packageRoot(directory = dirname(fileURLToPath(import.meta.url))): string {
  if (namesSignet(join(directory, "package.json"))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error("package.json of signet was not found");
  return packageRoot(parent);
}

function namesSignet(file: string): boolean {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { name?: string }).name === "signet";
  } catch {
    return false;
  }
}
