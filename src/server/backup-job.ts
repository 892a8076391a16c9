import type { Config } from "../config/config.js";
import type { Backups } from "../service/backups/backups.js";
import type { Job } from "./job-runner.js";

/** The jobs that make backups at their interval, and delete those that are to go. */
export function backupJobs(backups: Backups, config: Pick<Config, "backupEveryHours" | "backupKeep">): readonly Job[] {
  const { backupEveryHours, backupKeep } = config;
  const run = async () => {
    if (backupEveryHours > 0) await backups.createIfDue(backupEveryHours);
  };
  return [
    { name: "backups", everyMs: 60_000, run },
    { name: "old backups", everyMs: 600_000, run: () => backups.prune(backupKeep) },
  ];
}
