import type { Config } from "../config/config.js";
import type { Backups } from "../service/backups/backups.js";
import type { Job } from "./job-runner.js";

/** The job that makes backups at their interval, and deletes those that are to go. */
export function backupJob(backups: Backups, config: Pick<Config, "backupEveryHours" | "backupKeep">): Job {
  const { backupEveryHours, backupKeep } = config;
  const run = async () => {
    try {
      if (backupEveryHours > 0) await backups.createIfDue(backupEveryHours);
    } finally {
      await backups.prune(backupKeep);
    }
  };
  return { name: "backups", everyMs: 60_000, waitsForDisk: true, run };
}
