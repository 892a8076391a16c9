import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeInstall } from "./node-install.js";

/** Licences that let Signet be passed on with them, as SPDX has them. Another one stops the build: somebody has to read it. */
const ACCEPTED = new Set(["Apache-2.0", "BlueOak-1.0.0", "BSD-3-Clause", "ISC", "MIT", "Unlicense"]);

const LICENSE_FILE = /^(licen[cs]e|copying|notice)(\.|$)/i;

/**
 * The licence texts of all that is inside the executable, each under its name: Signet's own, Node's with those of what Node is made
 * of, SQLite's, and every package's.
 *
 * @param packages their directories
 * @throws as packageLicenses does
 */
export function licensesOf(root: string, node: NodeInstall, packages: readonly string[]): string {
  return [
    signetLicense(root),
    section(`Node.js v${node.versions.node}`, node.license),
    section("SQLite", "SQLite is in the public domain: https://www.sqlite.org/copyright.html"),
    ...packageLicenses(root, packages),
  ].join("\n");
}

/** Signet's own. The first of a list: texts of others with the same licence refer to it. */
export function signetLicense(root: string): string {
  return section("signet, Apache-2.0", readFileSync(join(root, "LICENSE"), "utf8"));
}

/**
 * The licence texts of npm packages.
 *
 * @param packages their directories
 * @throws when a licence is not an accepted one, or its text is nowhere to be found
 */
export function packageLicenses(root: string, packages: readonly string[]): readonly string[] {
  return packages.map((directory) => packageSection(root, directory));
}

function packageSection(root: string, directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, directory, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license: string;
  };
  const ids = license.match(/[\w.-]+/g)?.filter((word) => word !== "AND") ?? [];
  const unknown = ids.find((id) => !ACCEPTED.has(id));
  if (ids.length === 0 || unknown !== undefined)
    throw new Error(`${name} has the licence "${license}": accept it or do without`);
  const own = readdirSync(join(root, directory)).filter((file) => LICENSE_FILE.test(file));
  const files = own.map((file) => join(root, directory, file));
  // What a package says in its repository only.
  const kept = join(root, "packaging/licenses", `${name.replace("/", "+")}.txt`);
  if (files.length === 0) files.push(kept);
  return section(`${name} ${version}, ${license}`, files.map((file) => readFileSync(file, "utf8")).join("\n"));
}

function section(title: string, text: string): string {
  const rule = "=".repeat(100);
  return `${rule}\n${title}\n${rule}\n\n${text.trim()}\n`;
}
