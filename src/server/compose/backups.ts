import { join } from "node:path";
import type { Logger } from "pino";
import { VERSION } from "../../assets/version.js";
import type { Config } from "../../config/config.js";
import { BackupFiles } from "../../service/backups/backup-files.js";
import { Backups } from "../../service/backups/backups.js";
import { makeBackup } from "../../service/backups/make-backup.js";
import { readKeyFiles } from "../../service/backups/read-keys.js";
import type { SqliteOptions } from "../../store/sqlite/connect.js";
import type { AuditServices } from "./audit.js";
import type { ServiceContext } from "./context.js";

/** The data directory that backups are made of. */
export interface BackedUpDirectory {
  readonly path: string;
  /** Null for PostgreSQL, of which no backup is made here. */
  readonly database: SqliteOptions | null;
}

/** Composes the backups of a data directory; failures are logged. Nothing is started. */
export function composeBackups(
  { store, clock, signingKeys: keys }: Pick<ServiceContext, "store" | "clock" | "signingKeys">,
  { audit }: Pick<AuditServices, "audit">,
  { path, database }: BackedUpDirectory,
  config: Pick<Config, "backupDirectory" | "backupPassphrase" | "signingKey">,
  log: Logger,
): Backups {
  const { backupPassphrase: passphrase, signingKey } = config;
  return new Backups({
    ...{ store, clock, audit, keys, database, make: makeBackup, programVersion: VERSION },
    files: new BackupFiles(config.backupDirectory ?? join(path, "backups")),
    secrets: () => (passphrase === null ? null : { files: readKeyFiles(path, signingKey), passphrase }),
    onEnd: ({ id, kind, bytes }, error) => {
      if (error === null) log.info({ id, kind, bytes }, "a backup was made");
      else log.error({ err: error, id, kind }, "a backup failed");
    },
  });
}
