import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { npm } from "../../packaging/node-install.js";
import { buildPackage } from "../../packaging/sdk/package.js";

const ROOT = join(import.meta.dirname, "../..");

/** For a hook that packs and installs, on a machine that is busy with other tests. */
export const PACKING_MS = 300_000;

/** npm as on a machine that has no network and never installed anything. */
const ALONE = {
  npm_config_registry: "http://127.0.0.1:9",
  npm_config_offline: "true",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
};

/** What npm says of a tarball that it made. */
export interface Tarball {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** A program in a directory of its own, that has installed the package of the SDK and nothing else. */
export interface Consumer {
  readonly directory: string;
  /** Where the package is. */
  readonly installed: string;
  readonly tarball: Tarball;
}

/** Builds the package, packs it, and installs the tarball into an empty directory, all of it inside of this one. */
export async function installSdk(scratch: string): Promise<Consumer> {
  const [source, directory] = [join(scratch, "package"), join(scratch, "consumer")];
  for (const path of [source, directory]) mkdirSync(path);
  await buildPackage(ROOT, source);
  const env = { ...ALONE, npm_config_cache: join(scratch, "cache") };
  const packed = await npm(["pack", "--json", "--ignore-scripts", "--pack-destination", scratch], source, env);
  // npm 10 answers a list, npm 11 too, later ones an object by names.
  const [tarball] = Object.values(JSON.parse(packed) as Record<string, Tarball>);
  if (tarball === undefined) throw new Error(`npm packed nothing: ${packed}`);
  await npm(["install", join(scratch, tarball.filename)], directory, env);
  return { directory, installed: join(directory, "node_modules/@signet/sdk"), tarball };
}
