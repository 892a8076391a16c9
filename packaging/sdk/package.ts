import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageLicenses, signetLicense } from "../licenses.js";
import { copyDeclarations } from "./declarations.js";
import { ENTRIES, PROGRAMS, readManifest } from "./entries.js";
import { bundleModules } from "./modules.js";

const KEPT = ["package.json", "README.md", "LICENSE"];

/**
 * Writes the package of the SDK as `npm pack` takes it: what `packages/sdk` holds, and a new `dist`. The compiled declarations have to
 * be there.
 *
 * @param directory it may be `packages/sdk` itself
 */
export async function buildPackage(root: string, directory: string): Promise<void> {
  const source = join(root, "packages/sdk");
  const target = join(directory, "dist");
  readManifest(root);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  if (directory !== source) for (const name of KEPT) await cp(join(source, name), join(directory, name));
  const packages = await bundleModules(root, { ...ENTRIES, ...PROGRAMS }, target);
  copyDeclarations(root, ENTRIES, target);
  const licenses = [signetLicense(root), ...packageLicenses(root, packages)];
  await writeFile(join(target, "THIRD-PARTY-LICENSES"), licenses.join("\n"));
}
