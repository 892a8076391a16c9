import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readManifest } from "../sdk/entries.js";
import { protoArchive } from "./archive.js";

// `npm run pack:proto`: writes dist/signet-proto-<version>.tar.gz. With a file: there instead.

const root = join(import.meta.dirname, "../../..");
const folder = `signet-proto-${readManifest(root).version}`;
const [file = join(root, "dist", `${folder}.tar.gz`)] = process.argv.slice(2);
await writeFile(resolve(file), await protoArchive(root, folder));
