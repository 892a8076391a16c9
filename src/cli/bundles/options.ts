import type { Command } from "commander";
import { defined } from "../../core/defined.js";
import { changeHeaders, type ChangeGuards } from "../../sdk/index.js";
import { withReason, type ReasonOption } from "../shell/confirmation.js";
import { wholeNumber } from "../shell/numbers.js";
import type { ReadOptions } from "../shell/policy-file.js";

/** Adds `--idempotency-key`. */
export function withIdempotencyKey(command: Command): Command {
  return command.option("--idempotency-key <key>", "a retry with the same key within 24 hours gets the first result");
}

/** Adds the options that guard a change of what is active: `--if-match` and `--idempotency-key` (ChangeGuards). */
export function withGuards(command: Command): Command {
  return withIdempotencyKey(
    command.option(
      "--if-match <sequence>",
      "fail unless this is the newest sequence; 0: nothing is active",
      wholeNumber(0),
    ),
  );
}

/** The call options that send the guards as headers. */
export function guardedBy({ ifMatch, idempotencyKey, skipUnchanged }: ChangeGuards): {
  headers: Record<string, string>;
} {
  return { headers: changeHeaders({ ifMatch, idempotencyKey, skipUnchanged }) };
}

/** The option of {@link withDryRun} and {@link withPreview} that is a field of the request; `--skip-unchanged` is one of ChangeGuards. */
export interface PreviewOptions {
  readonly dryRun?: true;
}

/** Adds `--dry-run`. */
export function withDryRun(command: Command): Command {
  return command.option("--dry-run", "check everything, show what would change, and change nothing");
}

/** Adds `--dry-run` and `--skip-unchanged`. */
export function withPreview(command: Command): Command {
  return withDryRun(command).option("--skip-unchanged", "make no version of the content that is active already");
}

/** The option of {@link withSourceVersion}. */
export interface SourceOptions {
  readonly sourceVersion?: number;
}

/** Adds `--source-version` to a promotion. */
export function withSourceVersion(command: Command): Command {
  return command.option(
    "--source-version <version>",
    "fail unless this version is active in the source: promote what you looked at",
    wholeNumber(1),
  );
}

/** Adds `--reason` to a command that makes or deletes versions, or changes what is active. */
export function withBundleReason(command: Command): Command {
  return withReason(command, "kept in history and audit, told to webhooks");
}

/** The options of {@link withHold}. */
export interface HoldOptions extends ReasonOption {
  readonly hold?: true;
}

/** Adds `--hold` and `--reason`. */
export function withHold(command: Command): Command {
  return withBundleReason(command.option("--hold", "refuse every further change until signet envs release"));
}

/** The fields of a request that these options set. */
export function heldBy({ hold, reason }: HoldOptions): { hold: boolean; reason?: string } {
  return { hold: hold === true, ...defined({ reason }) };
}

/** The options of {@link withPolicyOptions}. */
export interface PolicyOptions {
  readonly "yaml1.2"?: boolean;
  readonly expandAnchors?: boolean;
  readonly under?: string;
}

/** How policy files are read: the end of the help of commands that take one. */
export const POLICY_HELP = `
A JSON file is sent as it is. YAML is converted: YAML 1.2, core schema, one document, string keys without duplicates. Values that
YAML 1.1 reads otherwise (no, 0644, 12:30, 2001-01-01) are refused. Standard input is JSON if it starts with "{", else YAML.`;

/** Adds `--file` and the options for reading it as a policy document. */
export function withPolicyOptions(command: Command): Command {
  return withPolicyReading(
    command.requiredOption(
      "-f, --file <file>",
      "policies: .json, .yaml, .yml, a folder, .tar, .tar.gz, .rego, or - for standard input",
    ),
  );
}

/** Adds the options for reading a policy document (PolicyOptions). */
export function withPolicyReading(command: Command): Command {
  return command
    .option("--yaml-1.2", "accept values that YAML 1.1 reads otherwise, and read them as YAML 1.2")
    .option("--expand-anchors", "expand YAML aliases and merge keys (<<)")
    .option("--under <key>", "wrap the document, for example a list, in an object under this key");
}

/** How to read the policies. */
export function policyReading(options: PolicyOptions): ReadOptions {
  const { under } = options;
  return { ...scopeReading(options), offers: ["insist", "expand", "under"], ...defined({ under }) };
}

/** How to read the scope policies, which are an object by themselves. */
export function scopeReading(options: PolicyOptions): ReadOptions {
  return {
    insistOn12: options["yaml1.2"] === true,
    expandAnchors: options.expandAnchors === true,
    offers: ["insist", "expand"],
  };
}
