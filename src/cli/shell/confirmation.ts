import type { Command } from "commander";
import { UsageError } from "./cli-error.js";
import type { Shell } from "./shell.js";
import { formatFacts, type Fact } from "./table.js";

/** The options of {@link withConfirmation}. */
export interface ConfirmationOptions {
  readonly yes?: true;
}

/** The option of {@link withReason}. */
export interface ReasonOption {
  readonly reason?: string;
}

/** The options of {@link withDeletion}. */
export interface DeletionOptions extends ConfirmationOptions, ReasonOption {}

/** The options of {@link withDeletion} and {@link withForce}. */
export interface ForcedDeletionOptions extends DeletionOptions {
  readonly force?: true;
}

/** Adds `--yes`. */
export function withConfirmation(command: Command): Command {
  return command.option("--yes", "do not ask for confirmation");
}

/** Adds `--yes` and `--reason`. */
export function withDeletion(command: Command): Command {
  return withReason(withConfirmation(command));
}

/** Adds `--reason`. */
export function withReason(command: Command, keptIn = "kept in the audit"): Command {
  return command.option("--reason <text>", `why, up to 1,000 characters: ${keptIn}`);
}

/** Adds `--force`. */
export function withForce(command: Command): Command {
  return command.option("--force", "delete although runtimes are live in it; does not override protection");
}

/** Whether a person can be asked: never with `--json`, which programs read. */
export function canAsk(shell: Shell): boolean {
  return shell.io.isInTerminal && !shell.json;
}

/**
 * Throws UsageError unless `--yes` is given or a person can be asked. Called before anything else, so that a script fails at once.
 *
 * @param otherwise what else can be done, for the message
 */
export function requireConfirmable(shell: Shell, { yes }: ConfirmationOptions, otherwise = ""): void {
  if (yes === true || canAsk(shell)) return;
  throw new UsageError(`stdin is not a terminal: pass --yes to confirm${otherwise}`);
}

/** Asks a question on standard error; true for `y` and `yes`. */
export async function asked(shell: Shell, question: string): Promise<boolean> {
  shell.io.err(`${question} [y/N] `);
  const decoder = new TextDecoder();
  let answer = "";
  for await (const chunk of shell.io.stdin) {
    answer += decoder.decode(chunk, { stream: true });
    if (answer.includes("\n")) break;
  }
  return /^y(es)?\s*$/i.test(answer.split("\n")[0] ?? "");
}

/**
 * Names what goes with a deletion and, without `--yes`, asks whether to go on. With `--json` it names nothing. Throws UsageError when the
 * answer is no.
 *
 * @param what with its noun: `environment "prod"`
 * @param facts what goes
 */
export async function confirmDeletion(
  shell: Shell,
  options: ConfirmationOptions,
  what: string,
  facts: () => Promise<readonly Fact[]>,
): Promise<void> {
  requireConfirmable(shell, options);
  if (shell.json) return;
  shell.noticeLines(`This deletes the ${what}, with`);
  shell.noticeLines(formatFacts(await facts()).trimEnd());
  if (options.yes === true) return;
  if (!(await asked(shell, "Delete?"))) throw new UsageError("not confirmed: nothing was deleted");
}
