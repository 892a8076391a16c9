import type { Command } from "commander";
import { formatBytes } from "../../core/printable.js";
import { answerChange, answerPage, withPage, type PageOptions } from "../shell/answers.js";
import { examples } from "../shell/help.js";
import { inSession } from "../shell/session.js";
import type { Shell } from "../shell/shell.js";
import { formatTime } from "../shell/table.js";

/** `signet backups`: the backups that are on the server. */
export function addBackups(program: Command, shell: Shell): void {
  const backups = program
    .command("backups")
    .description("list and delete the backups on the server")
    .addHelpText("after", examples("signet backups", "signet backups delete 20261128T120000Z-1a2b3c"));
  withPage(backups.command("list", { isDefault: true }).description("list the backups on the server, newest first"))
    .addHelpText("after", examples("signet backups list"))
    .action(
      inSession(shell, async (session, { limit, offset }: PageOptions) => {
        const page = await session.client.backups.listBackups({ limit, offset });
        answerPage(shell, page, offset, [
          ["ID", ({ id }) => id],
          ["KIND", ({ kind }) => kind],
          ["STATE", ({ state, phase, percent }) => (state === "running" ? `${phase ?? ""} ${percent} %` : state)],
          ["CREATED", ({ createdAt }) => formatTime(createdAt)],
          ["SIZE", ({ bytes }) => (bytes === undefined ? undefined : formatBytes(bytes))],
          ["ERROR", ({ error }) => error],
        ]);
      }),
    );
  backups
    .command("delete")
    .description("delete a backup on the server")
    .argument("<id>", "id of the backup, as signet backups list shows it")
    .addHelpText("after", examples("signet backups delete 20261128T120000Z-1a2b3c"))
    .action(
      inSession(shell, async (session, backupId: string) => {
        await session.client.backups.deleteBackup({ backupId });
        answerChange(shell, "deleted", "backup", backupId);
      }),
    );
}
