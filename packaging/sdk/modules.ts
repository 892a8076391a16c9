import { build } from "esbuild";
import { packageOf } from "../bundle.js";

/**
 * Bundles each entry with the packages that it imports; what entries share is in a file of its own. Nothing is minified: the
 * program that uses the package does that. The sources and not the compiled files: esbuild then marks enums as free of side effects,
 * and what a program does not use can be left out of it.
 *
 * @param entries names and sources
 * @returns the directories of the npm packages that have code in the result
 */
export async function bundleModules(
  root: string,
  entries: Readonly<Record<string, string>>,
  target: string,
): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: target,
    bundle: true,
    splitting: true,
    format: "esm",
    // Neither Node nor browser: a module of Node that is imported stays an import, and a test looks where.
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    target: "es2022",
    chunkNames: "shared/[name]-[hash]",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (packageOf(file) ?? []) : [])),
  );
  return [...new Set(used)].sort();
}
