import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { packageOf } from "./bundle.js";

/** Beside dist/console, since it is of no use to those who run it. */
const FILE = "dist/console-meta.json";

/** Keeps what esbuild says about the built console. */
export function writeConsoleMeta(root: string, metafile: Metafile): void {
  writeFileSync(join(root, FILE), JSON.stringify(metafile));
}

/** What esbuild said about the console that was built last. Throws Node's own error when none was. */
export function readConsoleMeta(root: string): Metafile {
  return JSON.parse(readFileSync(join(root, FILE), "utf8")) as Metafile;
}

/** The directories of the npm packages that have code in it. */
export function consolePackages({ outputs }: Metafile): readonly string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const packages = inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (packageOf(file) ?? []) : []));
  return [...new Set(packages)].sort();
}
