import type { Command } from "commander";

export interface HoldOptions {
  readonly hold?: true;
  readonly reason?: string;
}

/** Adds the options of commands that can keep an environment at a version. */
export function withHold(command: Command): Command {
  return command
    .option("--hold", "refuse all that would change it, until signet envs release")
    .option("--reason <text>", "why; recorded, and told to those whom the hold refuses");
}

/** What these options say in a request. */
export function heldBy({ hold, reason }: HoldOptions): { hold: boolean; reason?: string } {
  return { hold: hold === true, ...(reason === undefined ? {} : { reason }) };
}
