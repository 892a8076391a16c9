import { resolve } from "node:path";
import type { Config } from "../../config/config.js";
import { AppError } from "../../core/error.js";
import { readArchive } from "../../service/backups/archive-reader.js";
import { addSealedKeys } from "../../service/backups/archive-writer.js";
import { requireKeysOf } from "../../service/backups/manifest-check.js";
import { readKeyFiles } from "../../service/backups/read-keys.js";
import { requirePassphrase, sealKeys, type KeyFiles } from "../../service/backups/sealed-keys.js";

export { requirePassphrase };

/**
 * Reads the keys of a data directory, whose server may run, and returns what adds them to a backup that has none. That throws `conflict`
 * if they are not the keys of the backup's server, `signing_failed` if one is missing, and leaves the file without keys or damaged.
 *
 * Throws `unavailable` if the directory cannot be read, `invalid` for the passphrase.
 */
export function prepareBackupKeys(
  config: Pick<Config, "data" | "signingKey">,
  passphrase: string,
): (path: string) => Promise<void> {
  requirePassphrase(passphrase);
  const files = keysOf(resolve(config.data), config.signingKey);
  return async (path) => {
    const { manifest, manifestAt } = await readArchive(path, { database: null });
    requireKeysOf(manifest, files);
    await addSealedKeys(path, manifest, manifestAt, await sealKeys(files, passphrase));
  };
}

function keysOf(directory: string, given: string | null): KeyFiles {
  try {
    return readKeyFiles(directory, given);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const why = (cause as Error).message;
    throw new AppError("unavailable", `cannot read the keys of the data directory ${directory}: ${why}`, { cause });
  }
}
