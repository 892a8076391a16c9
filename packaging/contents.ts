import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ASSETS, EXECUTABLE_ASSETS } from "../src/assets/assets.js";
import { BUILT_FOLDERS, builtFileNames, openBuilt } from "../src/assets/built.js";
import { THREADS } from "../src/service/documents/start-thread.js";
import { bundle } from "./bundle.js";
import { consolePackages, readConsoleMeta } from "./console-meta.js";
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
  /** The directories of the npm packages that have code in the script or in the console. */
  readonly packages: readonly string[];
}

/** Gathers it from the compiled files and `node_modules`. */
export async function gatherContents(root: string): Promise<Contents> {
  // What its threads have in their scripts, the program has in its own.
  const { script, packages: inScript } = await bundle(root, "dist/src/main.js");
  const packages = [...new Set([...inScript, ...consolePackages(readConsoleMeta(root))])].sort();
  const node = await openReleaseNode(root);
  const licenses = licensesOf(root, node, packages);
  const assets: Record<string, string | Uint8Array> = {
    [EXECUTABLE_ASSETS.nativeBinding]: await readFile(node.sqliteBinding),
    [EXECUTABLE_ASSETS.thirdPartyLicenses]: licenses,
  };
  for (const [name, source] of Object.entries(ASSETS)) assets[name] = await readFile(join(root, source));
  for (const name of builtNames()) assets[name] = await readFile(join(root, "dist", name));
  for (const { asset, file } of Object.values(THREADS)) {
    assets[asset] = (await bundle(root, `dist/src/${file}`)).script;
  }
  return { node, script, assets, licenses, packages };
}

/** The files of the console and the manual below dist, and as the program reads them. Throws when one was not built. */
function builtNames(): readonly string[] {
  return BUILT_FOLDERS.flatMap((folder) => {
    const built = openBuilt(folder);
    if (built === null) throw new Error(`there is no dist/${folder}: npm run build:compile`);
    return builtFileNames(built).map((name) => `${folder}/${name}`);
  });
}
