import { readFileSync } from "node:fs";
import { printable } from "../../core/printable.js";
import { InputError, InterruptedError, UsageError } from "./cli-error.js";
import type { Shell } from "./shell.js";
import { systemReason } from "../../sdk/runtime/node/node-files.js";

const CONTROL = { interrupt: "\u0003", endOfInput: "\u0004", backspace: "\b", delete: "\u007f" } as const;

/** The longest answer that is read, in UTF-16 units. */
const MAX_LENGTH = 16_384;

/**
 * Asks for a secret on the terminal, which does not show what is typed. Returns the line without its end; the empty text at the end of
 * the input. Throws InterruptedError for Ctrl-C, which is a character while the terminal hides its input.
 */
export async function askSecret(shell: Shell, question: string): Promise<string> {
  const [answer = ""] = await askSecrets(shell, [question]);
  return answer;
}

/** As askSecret, one question after another. Fewer answers than questions mean that the input ended. */
export async function askSecrets(shell: Shell, questions: readonly string[]): Promise<readonly string[]> {
  const { io } = shell;
  const answers: string[] = [];
  const ask = () => io.err(printable(questions[answers.length] ?? ""));
  ask();
  io.setEcho(false);
  try {
    const decoder = new TextDecoder();
    let line = "";
    let before = "";
    // One loop for all: its end closes the input.
    for await (const chunk of io.stdin) {
      for (const char of decoder.decode(chunk, { stream: true })) {
        if (char === CONTROL.interrupt) throw new InterruptedError();
        const isSecondOfPair = before === "\r" && char === "\n";
        before = char;
        if (isSecondOfPair) continue;
        if (char === "\n" || char === "\r" || char === CONTROL.endOfInput) {
          answers.push(line);
          line = "";
          if (answers.length === questions.length || char === CONTROL.endOfInput) return answers;
          io.err("\n");
          ask();
          continue;
        }
        const isErased = char === CONTROL.backspace || char === CONTROL.delete;
        line = isErased ? [...line].slice(0, -1).join("") : line + char;
      }
      if (line.length > MAX_LENGTH) break;
    }
    return [...answers, line];
  } finally {
    io.setEcho(true);
    io.err("\n");
  }
}

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
