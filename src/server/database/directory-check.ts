import type { Logger } from "pino";
import { systemClock } from "../../core/clock.js";
import { createAudit } from "../../service/audit/audit.js";
import { keepPublicKeys } from "../../service/keys/key-records.js";
import { KeyRing } from "../../service/keys/key-ring.js";
import { keyEventRecorder } from "../../service/rotation/key-events.js";
import type { ServerDatabase } from "./server-database.js";

/**
 * Logs the problems of a data directory that was just opened, and records the server's public keys in it, unless it is read-only.
 */
export async function checkDirectory(directory: ServerDatabase, log: Logger): Promise<void> {
  const { store, keys, lastKeys, doubt, readOnly } = directory;
  if (keys.problem !== null) {
    log.error({ reason: keys.problem }, "the bundle signing key cannot be used: publishing and promoting will fail");
  }
  if (doubt !== null) log.warn({ reason: doubt }, "the database may be an older copy");
  if (readOnly !== null) {
    log.error({ reason: readOnly }, "read-only: every change is refused until a restart");
    return;
  }
  const audit = createAudit({ store, clock: systemClock, signer: keys.audit, ring: new KeyRing({ store, keys }) });
  const trusted = await keepPublicKeys(store, systemClock, keys, lastKeys, keyEventRecorder(audit));
  if (trusted.length > 0)
    log.warn({ keyIds: trusted }, "trusted the keys of an earlier release without endorsement, this once");
}

/** Closes the database. Never rejects: when SQLite cannot finish, the next start reads its log, and nothing acknowledged is lost. */
export async function closeDirectory(directory: ServerDatabase, log: Logger): Promise<void> {
  try {
    await directory[Symbol.asyncDispose]();
  } catch (error) {
    log.warn(
      { err: error, data: directory.path },
      "the database has a write-ahead log (-wal): keep both files together",
    );
  }
}
