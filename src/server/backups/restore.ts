import { statSync } from "node:fs";
import { join } from "node:path";
import { openNativeBinding } from "../../assets/native-binding.js";
import { defined } from "../../core/defined.js";
import { systemClock } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import { createAudit } from "../../service/audit/audit.js";
import { readArchive, type ReadOptions } from "../../service/backups/archive-reader.js";
import { checkDatabase } from "../../service/backups/database-check.js";
import { requireKeysOf, requireSameFacts } from "../../service/backups/manifest-check.js";
import type { Manifest } from "../../service/backups/manifest.js";
import { readKeyFiles } from "../../service/backups/read-keys.js";
import { openSealedKeys, type KeyFiles } from "../../service/backups/sealed-keys.js";
import { goOnAfterRestore, type GoneOn } from "../../service/bundles/history-loss.js";
import { BUNDLE_KEY_FILE, givenPem } from "../../service/keys/rotated-key.js";
import { keepPublicKeys } from "../../service/keys/key-records.js";
import { keyEventRecorder } from "../../service/rotation/key-events.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { writeSecretFile } from "../../service/keys/secret-file.js";
import { requireSpace } from "../../store/sqlite/free-space.js";
import { openDataDirectory } from "../database/data-directory.js";
import { Staging } from "./staging.js";

/** How a backup is restored. */
export interface RestoreOptions extends Pick<ReadOptions, "onProgress" | "signal"> {
  /** The data directory to be made: absent or empty. */
  readonly target: string;
  /** Opens the keys of the backup; asked for when they are there and no directory of keys is given. */
  readonly passphrase: () => Promise<string>;
  /** A directory with the key files, instead of those of the backup; null for none. */
  readonly keysDirectory: string | null;
  /** SIGNET_SIGNING_KEY: not written to the data directory. */
  readonly signingKey: string | null;
  /** How far each environment's sequence and version are raised. */
  readonly sequenceStep: number;
  /** Switches all webhooks off: for a copy that is not to call anybody. */
  readonly webhooksOff: boolean;
  readonly nativeDirectory: string | null;
}

/** A backup that was restored. */
export interface RestoredBackup extends GoneOn {
  readonly manifest: Manifest;
  readonly target: string;
}

/**
 * Restores a backup into a new data directory, which appears complete or not at all: verifies it as verifyBackup does, requires the keys
 * of its server, migrates it, raises every environment's sequence and activates again what was active, so that runtimes of the old
 * server follow. Recorded in each organization's audit.
 *
 * Throws `conflict` if the target is not empty, another restore runs, the backup is of a newer release or a key is another one;
 * `signing_failed` without the keys; `data_loss` for a damaged backup; `unavailable` without space.
 */
export async function restoreBackup(file: string, options: RestoreOptions): Promise<RestoredBackup> {
  const { target, nativeDirectory, onProgress, signal } = options;
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) throw new AppError("not_found", `there is no file ${file}`);
  await using staging = Staging.open(target);
  const nativeBinding = openNativeBinding(nativeDirectory ?? staging.native);
  const native = defined({ nativeBinding });
  staging.lock(native);
  // The database, and what migrating and verifying it may write.
  requireSpace(staging.data, 2 * stats.size, "restoring the backup");
  const database = join(staging.data, "signet.db");
  const { manifest, sealedKeys } = await readArchive(file, { database, ...defined({ onProgress, signal }) });
  const keys = await keysFor(manifest, sealedKeys, options);
  const facts = await checkDatabase(
    { file: database, ...native },
    { keys: manifest.keys, mayMigrate: true, ...defined({ signal }) },
  );
  requireSameFacts(manifest, facts);
  for (const [name, text] of Object.entries(keys)) writeSecretFile(join(staging.data, name), text);
  const gone = await goOn(staging.data, manifest, options);
  signal?.throwIfAborted();
  await staging.publish();
  return { ...gone, manifest, target };
}

/** The keys that go into the data directory. */
async function keysFor(manifest: Manifest, sealedKeys: string | null, options: RestoreOptions): Promise<KeyFiles> {
  const { keysDirectory, signingKey, passphrase } = options;
  if (keysDirectory === null && sealedKeys === null && manifest.keys.audit !== null) {
    throw new AppError(
      "signing_failed",
      `the backup has no keys: name a directory with the key files of its server (audit key ${manifest.keys.audit.keyId}` +
        `${manifest.keys.bundles === null ? "" : `, bundle key ${manifest.keys.bundles.keyId}`}) by --keys`,
    );
  }
  const files =
    keysDirectory === null
      ? await openSealedKeys(sealedKeys ?? "", await passphrase())
      : readKeyFiles(keysDirectory, null);
  const given = signingKey === null ? {} : { [BUNDLE_KEY_FILE]: givenPem(signingKey, "SIGNET_SIGNING_KEY") };
  requireKeysOf(manifest, { ...files, ...given });
  return files;
}

async function goOn(path: string, manifest: Manifest, options: RestoreOptions): Promise<GoneOn> {
  const { signingKey, nativeDirectory, sequenceStep, webhooksOff } = options;
  await using directory = await openDataDirectory({
    ...{ path, signingKey, synchronous: "full", create: false, nativeDirectory, withoutUpgradeCopy: true },
  });
  const { store, keys } = directory;
  const clock = systemClock;
  const audit = createAudit({ store, clock, signer: keys.audit, ring: new KeyRing({ store, keys }) });
  await keepPublicKeys(store, clock, keys, directory.lastKeys, keyEventRecorder(audit));
  const restored = { backedUpAt: manifest.createdAt, step: sequenceStep, webhooksOff };
  return await goOnAfterRestore({ store, clock, audit }, restored);
}
