import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ASSETS, EXECUTABLE_ASSETS } from "../src/assets/assets.js";
import { THREADS } from "../src/service/documents/start-thread.js";
import { bundle } from "./bundle.js";
import { licensesOf } from "./licenses.js";

/** What goes into the executable besides Node. */
export interface Contents {
  readonly script: string;
  /** By the name that the program reads them by. */
  readonly assets: Readonly<Record<string, string | Uint8Array>>;
  readonly licenses: string;
  /** The directories of the npm packages that have code in the script. */
  readonly packages: readonly string[];
}

/** Gathers it from the compiled files and `node_modules`. */
export async function gatherContents(root: string): Promise<Contents> {
  // What its threads have in their scripts, the program has in its own.
  const { script, packages } = await bundle(root, "dist/src/main.js");
  const licenses = licensesOf(root, packages);
  const sqlite = dirname(createRequire(import.meta.url).resolve("better-sqlite3/package.json"));
  const assets: Record<string, string | Uint8Array> = {
    [EXECUTABLE_ASSETS.nativeBinding]: await readFile(join(sqlite, "build/Release/better_sqlite3.node")),
    [EXECUTABLE_ASSETS.thirdPartyLicenses]: licenses,
  };
  for (const [name, source] of Object.entries(ASSETS)) assets[name] = await readFile(join(root, source));
  for (const { asset, file } of Object.values(THREADS)) {
    assets[asset] = (await bundle(root, `dist/src/${file}`)).script;
  }
  return { script, assets, licenses, packages };
}
