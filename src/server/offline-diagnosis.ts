import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { openNativeBinding } from "../assets/native-binding.js";
import type { Config } from "../config/config.js";
import { defined } from "../core/defined.js";
import { systemClock } from "../core/clock.js";
import { AppError, notFound } from "../core/error.js";
import type { KeyPurpose } from "../core/key.js";
import { problem, type Finding } from "../core/finding.js";
import { KeyRing } from "../service/keys/key-ring.js";
import { KEY_FILE_OF, openLastKeys, openSigningKeys } from "../service/keys/key-files.js";
import { findLoss, headFileOf, readHead, recordOf } from "../store/sqlite/head-file.js";
import { lockDataDirectory } from "../store/sqlite/lock.js";
import { openReadOnly } from "../store/sqlite/read-only.js";
import { requireSafeDataDirectory } from "./database/data-directory-safety.js";
import { Diagnoses } from "./diagnosis/diagnosis.js";

/**
 * Examines the data directory of a stopped server, and changes nothing in it. What keeps it from being opened is a finding.
 *
 * Throws `conflict` while a server owns the directory, `not_found` when there is no database in it.
 */
export async function diagnoseOffline(config: Config, full: boolean): Promise<readonly Finding[]> {
  const directory = resolve(config.data);
  const file = join(directory, "signet.db");
  if (!existsSync(file)) throw notFound(`Signet database in ${directory}`);
  const nativeBinding = openNativeBinding(config.nativeDirectory ?? join(directory, "native"));
  const native = defined({ nativeBinding });
  await using _lock = lockDataDirectory(directory, native);
  const database = { file, ...native };
  let keys;
  try {
    const missing = keyToMake(directory);
    if (missing !== null) {
      const text = `the signing key for ${missing} is missing`;
      return [problem("signing-keys", text, "restore it; else the next start makes a new one")];
    }
    keys = openSigningKeys(directory, config.signingKey, false);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [problem("signing-keys", error.message, "restore the key file from a backup")];
  }
  const opened = await openReadOnly(database, "it is examined").catch((error: unknown) => error as Error);
  if (opened === null || opened instanceof Error) {
    const why = opened === null ? "it is of another release, which has to open it first" : opened.message;
    return [
      problem("database", `the database cannot be read: ${why}`, "keep a copy of the files, and restore a backup"),
    ];
  }
  await using store = opened.store;
  const loss = findLoss(readHead(headFileOf(file)), recordOf(opened.database));
  const subject = {
    ...{
      shared: null,
      directory,
      database,
      read: store.read,
      keys,
      ring: new KeyRing({ store, keys }),
      clock: systemClock,
      config,
    },
    doubt: loss === null ? null : `the database lacks acknowledged changes: ${loss.message}`,
    checkModes: () => requireSafeDataDirectory(directory),
  };
  return await new Diagnoses(subject, false).run(full);
}

/** The purpose of a key that opening the keys would make; null for none. Nothing is to be changed by an examination. */
function keyToMake(directory: string): KeyPurpose | null {
  const isMissing = (purpose: KeyPurpose) => !existsSync(join(directory, KEY_FILE_OF[purpose]));
  if (isMissing("webhooks")) return "webhooks";
  const last = openLastKeys(directory).pems;
  return (["attestation", "opa"] as const).find((it) => isMissing(it) && last?.[it] === undefined) ?? null;
}
