import { defined } from "../../core/defined.js";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { openNativeBinding } from "../../assets/native-binding.js";
import { readArchive, type ReadOptions } from "../../service/backups/archive-reader.js";
import { checkDatabase } from "../../service/backups/database-check.js";
import { requireKeysOf, requireSameFacts } from "../../service/backups/manifest-check.js";
import type { Manifest } from "../../service/backups/manifest.js";
import { openSealedKeys } from "../../service/backups/sealed-keys.js";
import { requireSpace } from "../../store/sqlite/free-space.js";

/** A backup that was verified. */
export interface VerifiedBackup {
  readonly manifest: Manifest;
  /** Bytes of the file. */
  readonly bytes: number;
  /** `none`, or whether the private keys in it were opened too. */
  readonly keys: "none" | "sealed" | "opened";
}

/** How a backup is verified. */
export interface VerifyBackupOptions extends Pick<ReadOptions, "onProgress" | "signal"> {
  /** Opens the keys too; null does not. */
  readonly passphrase: string | null;
  /** Where the database is unpacked meanwhile: a directory with space for it. */
  readonly scratch: string;
  /** As SIGNET_NATIVE_DIRECTORY; null is inside of `scratch`. */
  readonly nativeDirectory: string | null;
}

/**
 * Verifies a backup without a server: every byte by its hash, every page of the database, every audit chain, and that the manifest tells
 * the truth. Throws `data_loss` for any damage, `conflict` for one of a newer release, `invalid` for another passphrase.
 */
export async function verifyBackup(file: string, options: VerifyBackupOptions): Promise<VerifiedBackup> {
  const { passphrase, scratch, nativeDirectory, onProgress, signal } = options;
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  requireSpace(scratch, bytes, "unpacking the backup");
  const directory = mkdtempSync(join(scratch, "signet-verify-"));
  try {
    const database = join(directory, "signet.db");
    const reading = {
      ...defined({ onProgress, signal }),
    };
    const { manifest, sealedKeys } = await readArchive(file, { database, ...reading });
    const nativeBinding = openNativeBinding(nativeDirectory ?? join(directory, "native"));
    const facts = await checkDatabase(
      { file: database, ...defined({ nativeBinding }) },
      { keys: manifest.keys, mayMigrate: true, ...defined({ signal }) },
    );
    requireSameFacts(manifest, facts);
    if (sealedKeys === null) return { manifest, bytes, keys: "none" };
    if (passphrase === null) return { manifest, bytes, keys: "sealed" };
    requireKeysOf(manifest, await openSealedKeys(sealedKeys, passphrase));
    return { manifest, bytes, keys: "opened" };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
