import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gatherContents } from "./contents.js";
import { writeExecutable } from "./executable.js";
import { measure } from "./measure.js";
import { billOfMaterials } from "./sbom.js";
import { writeChecksums } from "./checksums.js";
import { protoArchive } from "./proto/archive.js";
import { readManifest } from "./sdk/entries.js";

// Makes dist/signet, the program as one file, and what has to go with it. The compiled files and the packed SDK have to be there.

const root = join(import.meta.dirname, "../..");
const executable = join(root, "dist/signet");

const contents = await gatherContents(root);
await writeExecutable(executable, contents.node.binary, contents.script, contents.assets);
await writeFile(join(root, "dist/THIRD-PARTY-LICENSES"), contents.licenses);
await writeFile(join(root, "dist/sbom.json"), await billOfMaterials(root, contents.node, contents.packages));
const { version } = readManifest(root);
const proto = `signet-proto-${version}.tar.gz`;
await writeFile(join(root, "dist", proto), await protoArchive(root, `signet-proto-${version}`));
const sdk = `signet-sdk-${version}.tgz`;
await writeChecksums(join(root, "dist"), ["signet", "sbom.json", "THIRD-PARTY-LICENSES", sdk, proto]);
console.log(await measure(executable));
