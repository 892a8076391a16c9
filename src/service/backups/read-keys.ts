import { readdirSync } from "node:fs";
import { join } from "node:path";
import { BUNDLE_KEY_FILE, givenPem } from "../keys/rotated-key.js";
import { readSecretFile } from "../keys/secret-file.js";
import { isKeyFile, type KeyFiles } from "./sealed-keys.js";

/**
 * The files of a directory that hold keys, by name. The given bundle key (SIGNET_SIGNING_KEY) stands in for that of the directory; null
 * is none. Throws `signing_failed` for a given key that cannot be read, and the system's error for a file.
 */
export function readKeyFiles(directory: string, given: string | null): KeyFiles {
  const files: Record<string, string> = {};
  for (const name of readdirSync(directory).filter(isKeyFile)) {
    const text = readSecretFile(join(directory, name));
    if (text !== null) files[name] = text;
  }
  return given === null
    ? files
    : { ...files, [BUNDLE_KEY_FILE]: givenPem(given, "SIGNET_SIGNING_KEY").replaceAll("\\n", "\n") };
}
