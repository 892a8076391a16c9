import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { npm, type NodeInstall } from "./node-install.js";

/** What is used of CycloneDX 1.5. */
interface Bom {
  serialNumber?: string;
  metadata: { timestamp?: string; component: { name: string; version: string } };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

interface Component {
  "bom-ref": string;
  name: string;
  version: string;
  properties?: { name: string; value: string }[];
  [key: string]: unknown;
}

/**
 * The bill of materials (CycloneDX 1.5, JSON): every package that `npm install signet` brings, as npm lists them, those that are in the
 * built console alone, and what the executable has besides them: Node with its parts, and SQLite. `signet:executable` says which packages have code in the executable.
 * It holds no time and no random number: two builds of the same are the same bytes.
 */
export async function billOfMaterials(root: string, node: NodeInstall, packages: readonly string[]): Promise<string> {
  const bom = JSON.parse(await npmSbom(root)) as Bom;
  const names = new Set(packages.map((directory) => directory.slice(directory.lastIndexOf("node_modules/") + 13)));
  // npm calls the product by the directory that it lies in.
  bom.metadata.component.name = "signet";
  for (const component of bom.components) {
    component.properties = [{ name: "signet:executable", value: String(names.has(component.name)) }];
  }
  const listed = new Set(bom.components.map(({ name }) => name));
  const inConsole = await Promise.all(packages.map((directory) => packageComponent(root, directory)));
  const inExecutable = [
    ...inConsole.filter(({ name }) => !listed.has(name)),
    ...nodeComponents(node.versions),
    await sqliteComponent(root),
  ];
  bom.components.push(...inExecutable);
  bom.components.sort((a, b) => (a["bom-ref"] < b["bom-ref"] ? -1 : 1));
  bom.dependencies.sort((a, b) => (a.ref < b.ref ? -1 : 1));
  delete bom.metadata.timestamp;
  delete bom.serialNumber;
  const digest = createHash("sha256").update(JSON.stringify(bom)).digest("hex");
  return `${JSON.stringify({ ...bom, serialNumber: `urn:uuid:${uuidOf(digest)}` }, null, 2)}\n`;
}

async function npmSbom(root: string): Promise<string> {
  return await npm(["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--omit", "dev"], root);
}

/** Node and the libraries that it has inside, as it names them itself. */
function nodeComponents(versions: NodeJS.ProcessVersions): Component[] {
  const { node, modules, napi, ...libraries } = versions;
  const abi = { name: "node:modules", value: `${modules}, napi ${napi ?? ""}` };
  return [
    component("node", node, `pkg:generic/node@${node}`, [abi]),
    ...Object.entries(libraries).flatMap(([name, version]) =>
      version === undefined ? [] : [component(name, version, `pkg:generic/${name}@${version}`, [])],
    ),
  ];
}

/** An npm package as npm would list it. */
async function packageComponent(root: string, directory: string): Promise<Component> {
  const { name, version, license } = JSON.parse(await readFile(join(root, directory, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license: string;
  };
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  return { ...component(name, version, purl, []), licenses: [{ license: { id: license } }] };
}

async function sqliteComponent(root: string): Promise<Component> {
  const header = await readFile(join(root, "node_modules/better-sqlite3/deps/sqlite3/sqlite3.h"), "utf8");
  const version = /^#define SQLITE_VERSION\s+"([\d.]+)"/m.exec(header)?.[1];
  if (version === undefined) throw new Error("the version of SQLite in better-sqlite3 cannot be read");
  return component("sqlite", version, `pkg:generic/sqlite@${version}`, []);
}

function component(
  name: string,
  version: string,
  purl: string,
  properties: Component["properties"] & object,
): Component {
  const inside = { name: "signet:executable", value: "true" };
  return { "bom-ref": `${name}@${version}`, type: "library", name, version, purl, properties: [inside, ...properties] };
}

/** The first 128 bits, marked as a UUID of version 8, which is for such uses (RFC 9562). */
function uuidOf(hex: string): string {
  const bits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`;
  return bits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
