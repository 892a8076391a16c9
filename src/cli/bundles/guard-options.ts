import type { Command } from "commander";
import { changeHeaders, type ChangeGuards } from "../../sdk/index.js";
import { wholeNumber } from "../shell/numbers.js";

/** Adds the options of commands that change what is active. */
export function withGuards(command: Command): Command {
  return command
    .option("--if-match <sequence>", "refuse unless this is the newest sequence; 0: nothing is active", wholeNumber(0))
    .option("--idempotency-key <key>", "a retry with the same key within 24 hours answers the first result");
}

/** The options of a call that these guard. */
export function guardedBy({ ifMatch, idempotencyKey }: ChangeGuards): { headers: Record<string, string> } {
  return { headers: changeHeaders({ ifMatch, idempotencyKey }) };
}
