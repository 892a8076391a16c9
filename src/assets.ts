import { existsSync, readFileSync } from "node:fs";
import { getAsset, isSea } from "node:sea";

/**
 * The files that the server serves as they are or that must travel with them (licences), by the name that they are read by; each
 * with where it comes from, below the root of the repository. `npm run build` copies them into dist/assets, and a single executable
 * has them inside under these names.
 */
export const ASSETS = {
  "openapi.json": "gen/openapi.json",
  "swagger-ui.css": "node_modules/swagger-ui-dist/swagger-ui.css",
  "swagger-ui-bundle.js": "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
  "swagger-ui-bundle.js.LICENSE.txt": "node_modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
  "swagger-ui.NOTICE.txt": "node_modules/swagger-ui-dist/NOTICE",
} as const;

export type AssetName = keyof typeof ASSETS;

/** The bytes of an asset: out of the executable, out of dist/assets, or from where it comes. Throws when it is not there. */
export function readAsset(name: AssetName): Uint8Array {
  if (isSea()) return new Uint8Array(getAsset(name));
  // Compiled, this file is dist/src/assets.js; in the sources there is no such folder.
  const built = new URL(`../assets/${name}`, import.meta.url);
  return readFileSync(existsSync(built) ? built : new URL(`../${ASSETS[name]}`, import.meta.url));
}
