import { createHash } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { sleep } from "../../core/schedule/wait.js";
import { formatBytes, line } from "../../core/printable.js";
import { formatMessage, SignetError, type Backup } from "../../sdk/index.js";
import { readConfig } from "../server/serve.js";
import { CheckFailedError, InputError, UsageError } from "../shell/cli-error.js";
import { examples } from "../shell/help.js";
import { readNewPassphrase } from "../shell/prompt.js";
import { OF_BACKUP, PASSPHRASE_HELP } from "./passphrase.js";
import { Session } from "../shell/session.js";
import type { GlobalOptions, Shell } from "../shell/shell.js";
import { syncDirectory, systemReason } from "../../sdk/runtime/node/node-files.js";
import { quarters } from "./progress.js";

interface Options extends GlobalOptions {
  readonly output?: string;
  readonly withKeys?: true;
  readonly keep?: true;
  readonly force?: true;
  readonly data?: string;
}

/** Between two questions about how far a backup is. */
const ASK_AGAIN_MS = 250;

const HELP = `
Makes a backup of the whole server, all organizations, while it runs: a copy of the database at one instant, checked by SQLite and by the
audit chains, in one tar file with a manifest and hashes. Without -o and with --keep it stays on the server (SIGNET_BACKUP_DIRECTORY).
Needs an admin token of the operator's organization.

The private keys do not leave the server: without --with-keys keep its key files elsewhere. --with-keys runs on the server's machine: it
reads the key files of the data directory (--data, SIGNET_DATA) and SIGNET_SIGNING_KEY, and adds them to the file, encrypted.
${PASSPHRASE_HELP}
`;

/** `signet backup`: makes a backup of a running server, and fetches it. */
export function addBackup(program: Command, shell: Shell): void {
  program
    .command("backup")
    .description("make a backup of a running server")
    .option("-o, --output <file>", "write it to this file")
    .option("--with-keys", "with -o, on the server's machine: add the private keys, encrypted with a passphrase")
    .option("--data <dir>", "with --with-keys: the server's data directory (SIGNET_DATA)")
    .option("--keep", "keep it on the server too")
    .option("--force", "replace an existing file")
    .addHelpText(
      "after",
      HELP +
        examples(
          "signet backup -o signet-backup.tar",
          "signet backup -o full.tar --with-keys --data /var/lib/signet",
          "signet backup --keep",
        ),
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      checkOptions(options);
      const seal = options.withKeys === true ? await prepareKeys(shell, options) : null;
      using session = Session.open(shell, command);
      await (options.output === undefined
        ? makeKept(shell, session)
        : makeFile(shell, session, resolve(options.output), options, seal));
    });
}

function checkOptions({ output, withKeys, keep, data, force }: Options): void {
  if (output === undefined && keep === undefined) {
    throw new UsageError("nothing to do with the backup: pass -o FILE, or --keep to keep it on the server");
  }
  if (output === undefined && withKeys !== undefined) throw new UsageError("--with-keys needs -o");
  if (output === undefined && force !== undefined) throw new UsageError("--force needs -o");
  if (withKeys === undefined && data !== undefined) throw new UsageError("--data needs --with-keys");
}

/** Adds the keys to a backup that was fetched. */
type Seal = (path: string) => Promise<void>;

/** Reads keys and passphrase before anything is made: the passphrase may be asked for. */
async function prepareKeys(shell: Shell, { data }: Options): Promise<Seal> {
  const { prepareBackupKeys, requirePassphrase } = await import("../../server/backups/backup-keys.js");
  const config = readConfig(shell, data === undefined ? {} : { data });
  const passphrase = await readNewPassphrase(shell, OF_BACKUP, requirePassphrase);
  return prepareBackupKeys(config, passphrase);
}

async function makeKept(shell: Shell, session: Session): Promise<void> {
  const started = await session.client.backups.createBackup({ keep: true });
  const backup = await untilReady(shell, session, started);
  shell.answer(
    () => formatMessage(backup),
    () => line`kept backup ${backup.id} on the server (${formatBytes(backup.bytes ?? 0)})\n`,
  );
}

async function makeFile(
  shell: Shell,
  session: Session,
  file: string,
  { keep, force }: Options,
  seal: Seal | null,
): Promise<void> {
  await requireTarget(file, force === true);
  const { backups } = session.client;
  const started = await backups.createBackup({ keep: keep === true });
  const partial = `${file}.partial`;
  try {
    const backup = await untilReady(shell, session, started);
    await fetchTo(shell, session, backup, partial);
    await seal?.(partial);
    await rename(partial, file);
    await syncDirectory(dirname(file));
    const { size } = await stat(file);
    shell.answer(
      () => JSON.stringify({ file, bytes: size, backup_id: backup.id, with_keys: seal !== null }),
      () => line`wrote ${file} (${formatBytes(size)}${seal === null ? ", without keys" : ", with keys"})\n`,
    );
    if (seal === null) shell.notice("the keys are not in it: keep the server's key files elsewhere (docs/operate.md)");
  } finally {
    await rm(partial, { force: true });
    // Also when this was interrupted: it is of no use to anybody, and the server would keep it for an hour.
    if (keep !== true) await backups.deleteBackup({ backupId: started.id }).catch(() => undefined);
  }
}

async function requireTarget(file: string, mayReplace: boolean): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found !== null && !found.isFile()) throw new InputError(`${file} is not a file`);
  if (found !== null && !mayReplace) throw new InputError(`${file} exists already: pass --force to replace it`);
}

/** Shows the progress on a terminal. Throws SignetError `unavailable` with the server's reason for a backup that failed. */
async function untilReady(shell: Shell, session: Session, started: Backup): Promise<Backup> {
  const { signal } = shell.io;
  let shown = "";
  for (let backup = started; ;) {
    if (backup.state === "ready") return backup;
    if (backup.state !== "running") throw new SignetError("unavailable", `the backup failed: ${backup.error ?? ""}`);
    // Each quarter of a phase: a terminal keeps the lines.
    const text = `${backup.phase ?? ""} ${Math.floor(backup.percent / 25) * 25} %`;
    if (text !== shown) shell.progress(text);
    shown = text;
    await sleep(ASK_AGAIN_MS, signal);
    backup = await session.client.backups.getBackup({ backupId: started.id }, { signal });
  }
}

/** Writes the backup to a new file of mode 0600 and compares its hash with the server's. */
async function fetchTo(shell: Shell, session: Session, backup: Backup, path: string): Promise<void> {
  const { signal } = shell.io;
  await rm(path, { force: true });
  await using target = await open(path, "wx", 0o600).catch((cause: unknown) => {
    throw new InputError(`cannot write ${path}: ${systemReason(cause)}`, { cause });
  });
  const hash = createHash("sha256");
  const total = backup.bytes ?? 0;
  const progress = quarters(shell, "fetching");
  let done = 0;
  // No limit of time: it is as long as the file is large. A connection that is lost ends it.
  for await (const { data } of session.client.backups.downloadBackup(
    { backupId: backup.id },
    { signal, timeoutMs: 0 },
  )) {
    hash.update(data);
    await target.appendFile(data).catch((cause: unknown) => {
      throw new InputError(`cannot write ${path}: ${systemReason(cause)}`, { cause });
    });
    done += data.length;
    progress(done, total);
  }
  await target.sync();
  if (hash.digest("hex") === backup.sha256) return;
  throw new CheckFailedError(
    "data_loss",
    "the backup was damaged on its way: its hash is not the one that the server tells",
  );
}
