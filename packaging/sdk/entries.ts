import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The modules of the package, by their names in its `dist`: the source that each is made of. */
export const ENTRIES: Readonly<Record<string, string>> = {
  index: "src/sdk/index.ts",
  node: "src/sdk/node.ts",
};

/** The programs of the package, likewise. They export nothing. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  conformance: "src/sdk/conformance/node-main.ts",
};

/** What is used of `packages/sdk/package.json`. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

/**
 * Reads the package's manifest.
 *
 * @throws when its version or its engines are not those of the root: client and server are released together
 */
export function readManifest(root: string): Manifest {
  const read = (file: string) =>
    JSON.parse(readFileSync(join(root, file), "utf8")) as Manifest & { engines: { node: string } };
  const [own, all] = [read("packages/sdk/package.json"), read("package.json")];
  const said = (manifest: typeof own) => `version ${manifest.version} for Node ${manifest.engines.node}`;
  if (said(own) !== said(all)) {
    throw new Error(`packages/sdk/package.json says ${said(own)}, package.json ${said(all)}: make them the same`);
  }
  return own;
}
