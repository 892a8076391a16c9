import type { Command } from "commander";
import { changeHeaders, type ChangeGuards } from "../../sdk/index.js";
import { wholeNumber } from "../shell/numbers.js";
import type { ReadOptions } from "../shell/policy-file.js";

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

/** What {@link withPolicyOptions} adds. */
export interface PolicyOptions {
  readonly "yaml1.2"?: boolean;
  readonly expandAnchors?: boolean;
  readonly under?: string;
}

export const POLICY_HELP = `
A JSON file is sent as it is written. YAML is converted: 1.2, core schema, one document; every key is a string and stands once. What
YAML 1.1 reads otherwise (no, 0644, 12:30, 2001-01-01) is refused. Standard input is JSON when it starts with "{", YAML otherwise.`;

/** The options of commands that read a policy document from a file. */
export function withPolicyOptions(command: Command): Command {
  return command
    .option("--yaml-1.2", "take what YAML 1.1 reads otherwise, as YAML 1.2 reads it")
    .option("--expand-anchors", "write a copy for each alias of YAML, and the members of merge keys (<<)")
    .option("--under <key>", "put the document, for example a list, under this key of an object");
}

/** How to read the policies. */
export function policyReading(options: PolicyOptions): ReadOptions {
  return {
    ...scopeReading(options),
    offers: ["insist", "expand", "under"],
    ...(options.under === undefined ? {} : { under: options.under }),
  };
}

/** How to read the scope policies. */
export function scopeReading(options: PolicyOptions): ReadOptions {
  return {
    insistOn12: options["yaml1.2"] === true,
    expandAnchors: options.expandAnchors === true,
    offers: ["insist", "expand"],
  };
}
