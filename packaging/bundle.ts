import { build } from "esbuild";

export interface Bundle {
  /** One CommonJS script, for Node's single-executable support. */
  readonly script: string;
  /** The npm packages that have code in it. */
  readonly packages: readonly string[];
}

/**
 * The only `require` that a script in an executable is given knows Node's own modules. better-sqlite3 loads its compiled part by
 * path, with the one of webpack's name when there is one.
 */
const REQUIRE_FILES = `var __non_webpack_require__ = require("node:module").createRequire(process.execPath);`;

/** Bundles a compiled entry file with everything that it imports. */
export async function bundle(root: string, entry: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    banner: { js: REQUIRE_FILES },
    // Only what looks for files of a package asks where it is.
    define: { "import.meta.url": "undefined" },
    charset: "utf8",
    legalComments: "inline",
    write: false,
    metafile: true,
    logLevel: "warning",
  });
  const [script] = outputFiles;
  if (script === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  const packages = Object.keys(metafile.inputs).flatMap((file) => packageOf(file) ?? []);
  return { script: script.text, packages: [...new Set(packages)].sort() };
}

/** `node_modules/a/node_modules/@b/c/index.js` is `node_modules/a/node_modules/@b/c`. */
export function packageOf(file: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}
