import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { getRawAsset, isSea } from "node:sea";
import { fileURLToPath } from "node:url";

/**
 * The files that are shipped with the program (pages, example policies, licences, its version), by the name that they are read by; each
 * with where it comes from, below the root of the repository. The build copies them into dist/assets, and the executable has them
 * inside under these names.
 */
export const ASSETS = {
  "package.json": "package.json",
  LICENSE: "LICENSE",
  "openapi.json": "gen/openapi.json",
  "guardrails.json": "examples/policies/guardrails.json",
  "guardrails-strict.yaml": "examples/policies/guardrails-strict.yaml",
  "swagger-ui.css": "node_modules/swagger-ui-dist/swagger-ui.css",
  "swagger-ui-bundle.js": "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
  "swagger-ui-bundle.js.LICENSE.txt": "node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
  "swagger-ui.NOTICE.txt": "node_modules/swagger-ui-dist/NOTICE",
} as const;

/** The assets of the executable alone. */
export const EXECUTABLE_ASSETS = {
  /** SQLite's compiled part. */
  nativeBinding: "better_sqlite3.node",
  /** The licences of everything inside of the executable. */
  thirdPartyLicenses: "THIRD-PARTY-LICENSES",
} as const;

/** Whether this process is the one file, and not Node with a package. */
export const isExecutable = isSea();

/** Reads an asset: out of the executable, out of dist/assets, or from where it comes. Throws Node's own error when it is missing. */
export function readAsset(name: keyof typeof ASSETS): Buffer {
  if (isExecutable) return embeddedAsset(name);
  // Compiled, this file is dist/src/assets/assets.js; beside the sources there is no such folder.
  const here = dirname(fileURLToPath(import.meta.url));
  const built = join(here, "../../assets", name);
  return readFileSync(existsSync(built) ? built : join(here, "../..", ASSETS[name]));
}

/** Reads what only the executable has; null in a package. The bytes are the executable's own and must not be written to. */
export function readExecutableAsset(name: keyof typeof EXECUTABLE_ASSETS): Buffer | null {
  return isExecutable ? embeddedAsset(EXECUTABLE_ASSETS[name]) : null;
}

/** Reads what the executable has inside under this name. Throws when it has nothing, and in a package. */
export function embeddedAsset(name: string): Buffer {
  return Buffer.from(getRawAsset(name) as ArrayBuffer);
}
