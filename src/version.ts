import { readPackageAsset } from "./assets.js";

/** The version of package.json, the one place that has it. */
export const VERSION = (JSON.parse(readPackageAsset("package.json").toString()) as { version: string }).version;
