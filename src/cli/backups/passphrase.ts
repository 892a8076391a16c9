import { readFileSync } from "node:fs";
import { InputError, UsageError } from "../shell/cli-error.js";
import { askSecrets } from "../shell/prompt.js";
import type { Shell } from "../shell/shell.js";
import { systemReason } from "../shell/text-files.js";

/** The part of a command's help about the passphrase of keys. */
export const PASSPHRASE_HELP = `
The passphrase of the keys comes from SIGNET_BACKUP_PASSPHRASE, from the file that SIGNET_BACKUP_PASSPHRASE_FILE names, or is asked for.
It has 12 to 1,024 characters. Without it nobody can read the keys of the backup: keep it apart.`;

/** Throws for a passphrase that cannot be used; the message must not repeat it. */
export type CheckPassphrase = (passphrase: string) => void;

/** The passphrase that the environment gives; null for none. Throws InputError for a file that cannot be read. */
export function givenPassphrase({ io }: Shell): string | null {
  const { SIGNET_BACKUP_PASSPHRASE: text = "", SIGNET_BACKUP_PASSPHRASE_FILE: file = "" } = io.environment;
  if (file === "") return text === "" ? null : text;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new InputError(`cannot read SIGNET_BACKUP_PASSPHRASE_FILE: ${systemReason(cause)}`, { cause });
  }
}

/** The passphrase from the environment, or as it is typed at the terminal. Throws UsageError without either. */
export async function readPassphrase(shell: Shell): Promise<string> {
  const given = givenPassphrase(shell);
  if (given !== null) return given;
  const [typed = ""] = await ask(shell, ["Passphrase of the backup: "]);
  return typed;
}

/** The passphrase for a new backup: a typed one is asked for twice. Throws as readPassphrase, and what `check` throws. */
export async function readNewPassphrase(shell: Shell, check: CheckPassphrase): Promise<string> {
  const given = givenPassphrase(shell);
  if (given !== null) {
    check(given);
    return given;
  }
  const [first = "", second] = await ask(shell, ["New passphrase of the backup: ", "The same again: "]);
  if (second !== first) throw new InputError("the two passphrases differ");
  check(first);
  return first;
}

async function ask(shell: Shell, questions: readonly string[]): Promise<readonly string[]> {
  if (!shell.io.isInTerminal) {
    throw new UsageError(
      "no passphrase: set SIGNET_BACKUP_PASSPHRASE or SIGNET_BACKUP_PASSPHRASE_FILE (stdin is not a terminal)",
    );
  }
  return await askSecrets(shell, questions);
}
