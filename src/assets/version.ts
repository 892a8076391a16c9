import { readAsset } from "./assets.js";

/** The version of package.json, the one place that has it. */
export const VERSION = (JSON.parse(readAsset("package.json").toString()) as { version: string }).version;
