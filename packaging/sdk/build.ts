import { join, resolve } from "node:path";
import { buildPackage } from "./package.js";

// `npm run build:sdk`: fills packages/sdk/dist, which npm packs. With a directory: writes the whole package there instead.

const root = join(import.meta.dirname, "../../..");
const [directory = "packages/sdk"] = process.argv.slice(2);
await buildPackage(root, resolve(root, directory));
