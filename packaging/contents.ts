import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ASSETS, EXECUTABLE_ASSETS } from "../src/assets/assets.js";
import { THREADS } from "../src/service/documents/start-thread.js";
import { bundle } from "./bundle.js";
import { licensesOf } from "./licenses.js";
import { openReleaseNode } from "./release-node.js";
import type { NodeInstall } from "./node-install.js";

/** What goes into the executable. */
export interface Contents {
  readonly node: NodeInstall;
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
  const node = await openReleaseNode(root);
  const licenses = licensesOf(root, node, packages);
  const assets: Record<string, string | Uint8Array> = {
    [EXECUTABLE_ASSETS.nativeBinding]: await readFile(node.sqliteBinding),
    [EXECUTABLE_ASSETS.thirdPartyLicenses]: licenses,
  };
  for (const [name, source] of Object.entries(ASSETS)) assets[name] = await readFile(join(root, source));
  for (const { asset, file } of Object.values(THREADS)) {
    assets[asset] = (await bundle(root, `dist/src/${file}`)).script;
  }
  return { node, script, assets, licenses, packages };
}
