import { resolve } from "node:path";
import type { Command } from "commander";
import { line } from "../../core/printable.js";
import { UsageError } from "../shell/cli-error.js";
import { readConfig } from "../server/serve.js";
import { examples } from "../shell/help.js";
import { wholeNumber } from "../shell/numbers.js";
import { readPassphrase } from "../shell/prompt.js";
import { OF_BACKUP, PASSPHRASE_HELP } from "./passphrase.js";
import type { Shell } from "../shell/shell.js";
import { quarters } from "./progress.js";

interface Options {
  readonly data: string;
  readonly keys?: string;
  readonly sequenceStep: number;
  readonly webhooksOff?: true;
}

/** More changes than any server makes between two backups. */
const DEFAULT_STEP = 1_000_000;
const MAX_STEP = 1_000_000_000;

const NOT_POSTGRES =
  "SIGNET_DATABASE_URL is set, and a backup becomes a data directory with SQLite: unset it, restore, and move the data by " +
  "signet migrate --to postgres; PostgreSQL itself is restored with its own tools (docs/scale.md)";

const HELP = `
Works without a server. Makes the data directory DIR, which must be absent or empty, and makes it complete or not at all. Verifies the
backup as signet verify-backup does, and that the keys are those of its server: the keys in the backup, or with --keys a directory with
the key files. If the server has SIGNET_SIGNING_KEY, set it here too.

Every environment's sequence and version is raised by --sequence-step, and what was active is activated again: runtimes of the old
server follow, and no number has two contents. Each organization's audit says backup.restored.
${PASSPHRASE_HELP}
`;

/** `signet restore`: makes a data directory of a backup. */
export function addRestore(program: Command, shell: Shell): void {
  program
    .command("restore")
    .description("make a data directory of a backup; needs no server")
    .argument("<file>", "the backup")
    .requiredOption("--data <dir>", "data directory to be made: absent or empty")
    .option("--keys <dir>", "directory with the key files, for a backup without keys")
    .option(
      "--sequence-step <count>",
      "raise sequences and versions by this; more than the changes since the backup",
      wholeNumber(1, MAX_STEP),
      DEFAULT_STEP,
    )
    .option("--webhooks-off", "switch all webhooks off: for a copy that is to call nobody")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet restore signet-backup.tar --data /var/lib/signet --keys /safe/signet-keys",
          "signet restore full.tar --data ./drill --webhooks-off",
        ),
    )
    .action(async (file: string, { data, keys, sequenceStep, webhooksOff }: Options) => {
      const { restoreBackup } = await import("../../server/backups/restore.js");
      const { nativeDirectory, signingKey, databaseUrl } = readConfig(shell, {});
      if (databaseUrl !== null) throw new UsageError(NOT_POSTGRES);
      const target = resolve(data);
      const restored = await restoreBackup(resolve(file), {
        ...{ target, signingKey, nativeDirectory, sequenceStep, signal: shell.io.signal },
        keysDirectory: keys === undefined ? null : resolve(keys),
        passphrase: () => readPassphrase(shell, OF_BACKUP),
        webhooksOff: webhooksOff === true,
        onProgress: quarters(shell, "reading"),
      });
      const { manifest, environments, reactivated, pendingDeliveries } = restored;
      shell.answer(
        () =>
          JSON.stringify({
            ...{ data: target, backed_up_at: manifest.createdAt, environments, reactivated },
            ...{ sequence_step: sequenceStep, pending_deliveries: pendingDeliveries },
            webhooks_off: restored.webhooksOff,
          }),
        () =>
          line`restored the backup of ${manifest.createdAt} into ${target}\n` +
          line`raised sequences and versions of ${environments} environments by ${sequenceStep}; activated ${reactivated} again\n` +
          (webhooksOff === true
            ? line`switched ${restored.webhooksOff} webhooks off\n`
            : line`${pendingDeliveries} pending deliveries will be sent when the server starts\n`) +
          line`next:\n  stop the old server for good\n  signet serve --data ${target}\n` +
          "  signet audit verify\n" +
          "  revoke the tokens again that were revoked since the backup; tokens made since are gone\n" +
          line`  if the admin token is lost: signet token create --admin --data ${target}, before serve\n`,
      );
    });
}
