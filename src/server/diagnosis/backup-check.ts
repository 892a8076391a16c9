import { join } from "node:path";
import { fine, problem, warning, type Finding } from "../../core/finding.js";
import { formatBytes } from "../../core/printable.js";
import { BackupFiles } from "../../service/backups/backup-files.js";
import { daysBetween, type Check } from "./check.js";

/** So many intervals without a scheduled backup are more than one that failed once. */
const MISSED_INTERVALS = 2;

/** Whether scheduled backups are made. Backups that are taken away by their clients leave no trace here. */
export const BACKUPS: Check = {
  id: "last-backup",
  async run({ directory, config, clock }) {
    const { backupEveryHours: hours, backupDirectory } = config;
    const newest = (await new BackupFiles(backupDirectory ?? join(directory, "backups")).list())[0];
    const found =
      newest === undefined
        ? "no backup is kept here"
        : `the newest backup that is kept here is of ${newest.createdAt}, ${formatBytes(newest.bytes ?? 0)}`;
    if (hours === 0) return [fine("last-backup", `none is scheduled (SIGNET_BACKUP_EVERY); ${found}`)];
    return [
      scheduled(found, newest === undefined ? null : daysBetween(new Date(newest.createdAt), clock.now()) * 24, hours),
    ];
  },
};

function scheduled(found: string, ageHours: number | null, everyHours: number): Finding {
  const remedy = "see the log for the reason, and the space in SIGNET_BACKUP_DIRECTORY; then signet backup";
  const text = `${found}, and one is due every ${everyHours} hours`;
  if (ageHours === null) return warning("last-backup", text, remedy);
  if (ageHours > MISSED_INTERVALS * everyHours) return problem("last-backup", text, remedy);
  return fine("last-backup", text);
}
