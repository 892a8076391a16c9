import { readFileSync } from "node:fs";
import { InputError, UsageError } from "./cli-error.js";
import { askSecrets } from "./prompt.js";
import type { Shell } from "./shell.js";
import { systemReason } from "./text-files.js";

/** Where the passphrase for a kind of secret comes from. */
export interface PassphraseOf {
  /** What it opens, for the prompt: `the backup`. */
  readonly what: string;
  /** The variable that holds it; with `_FILE` behind it, the one that names a file. */
  readonly variable: `SIGNET_${string}`;
  /** What can be done instead of setting it, for the message: `, or pass --no-passphrase`. */
  readonly otherwise?: string;
}

/** Throws for a passphrase that cannot be used; the message must not repeat it. */
export type CheckPassphrase = (passphrase: string) => void;

/** The passphrase that the environment gives; null for none. Throws InputError for a file that cannot be read. */
export function givenPassphrase({ io }: Shell, { variable }: PassphraseOf): string | null {
  const { [variable]: text = "", [`${variable}_FILE`]: file = "" } = io.environment;
  if (file === "") return text === "" ? null : text;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new InputError(`cannot read ${variable}_FILE: ${systemReason(cause)}`, { cause });
  }
}

/** The passphrase from the environment, or as it is typed at the terminal. Throws UsageError without either. */
export async function readPassphrase(shell: Shell, of: PassphraseOf): Promise<string> {
  const given = givenPassphrase(shell, of);
  if (given !== null) return given;
  const [typed = ""] = await ask(shell, of, [`Passphrase of ${of.what}: `]);
  return typed;
}

/** A new passphrase: a typed one is asked for twice. Throws as readPassphrase, and what `check` throws. */
export async function readNewPassphrase(shell: Shell, of: PassphraseOf, check: CheckPassphrase): Promise<string> {
  const given = givenPassphrase(shell, of);
  if (given !== null) {
    check(given);
    return given;
  }
  const [first = "", second] = await ask(shell, of, [`New passphrase of ${of.what}: `, "The same again: "]);
  if (second !== first) throw new InputError("the two passphrases differ");
  check(first);
  return first;
}

async function ask(
  shell: Shell,
  { variable, otherwise = "" }: PassphraseOf,
  questions: readonly string[],
): Promise<readonly string[]> {
  if (!shell.io.isInTerminal) {
    throw new UsageError(`no passphrase: set ${variable} or ${variable}_FILE${otherwise} (stdin is not a terminal)`);
  }
  return await askSecrets(shell, questions);
}
