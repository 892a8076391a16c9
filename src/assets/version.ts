import { readAsset } from "./assets.js";

/** The version, from package.json. */
export const VERSION = (JSON.parse(readAsset("package.json").toString()) as { version: string }).version;
