import type { Command } from "commander";
import type { ReadOptions } from "../shell/policy-file.js";

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
