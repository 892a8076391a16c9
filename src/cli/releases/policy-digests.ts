import type { Command } from "commander";
import { canonicalContent, contentDigest } from "../../bundle/policy-hash.js";
import { formatScopePolicies, readScopePolicies, rewriteScopePolicies } from "../../bundle/scope-policies.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import type { Release } from "../../bundle/trust/release.js";
import { policyReading, scopeReading, withPolicyReading, type PolicyOptions } from "../bundles/options.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import type { Io } from "../shell/io.js";
import { readPolicyFile } from "../shell/policy-file.js";

/** The files of a policy. */
export interface PolicyFiles extends PolicyOptions {
  readonly file: string;
  readonly scopePolicies?: string;
}

/** Adds `--file` and `--scope-policies`, with which a release is compared (PolicyFiles, all optional). */
export function withComparedPolicy(command: Command): Command {
  return withPolicyReading(
    command
      .option("-f, --file <file>", "policy document that it must be a release of")
      .option("--scope-policies <file>", "policies for single tenants, apps, agents and environments"),
  );
}

/**
 * The digest of a policy's content in each environment, 64 hex digits: as it is published to the first one, and promoted from each to the
 * next, which rewrites the scope policies that name the environment that it comes from. Throws InputError and AppError.
 */
export async function policyDigests(
  { file, scopePolicies, ...options }: PolicyFiles,
  environments: readonly string[],
  io: Io,
): Promise<ReadonlyMap<string, string>> {
  const policies = await readPolicyFile(file, io, policyReading(options));
  if (scanStrictJson(policies, { base: ["body", "policies"] }).kind !== "object") {
    throw new InputError(`${file} is not an object`);
  }
  const scoped = scopePolicies === undefined ? "{}" : await readPolicyFile(scopePolicies, io, scopeReading(options));
  let rules = readScopePolicies(scoped);
  const digests = new Map<string, string>();
  let before: string | undefined;
  for (const environment of environments) {
    if (before !== undefined) rules = rewriteScopePolicies(rules, before, environment);
    const { policyHash } = canonicalContent(policies, formatScopePolicies(rules));
    digests.set(environment, contentDigest(policyHash));
    before = environment;
  }
  return digests;
}

/**
 * The environments for which a release names another content than the policy of `--file` has there; none without that option. Throws as
 * policyDigests, and UsageError.
 */
export async function differingFrom(
  { subjects }: Release,
  { file, ...options }: Partial<PolicyFiles>,
  io: Io,
): Promise<ReadonlySet<string>> {
  if (file === undefined) {
    if (options.scopePolicies !== undefined) throw new UsageError("--scope-policies goes with --file");
    return new Set();
  }
  const digests = await policyDigests({ ...options, file }, [...subjects.keys()], io);
  return new Set([...subjects].filter(([name, digest]) => digests.get(name) !== digest).map(([name]) => name));
}

/** That a release is of another policy. */
export function otherContent(file: string | undefined, environments: Iterable<string>): TrustError {
  const where = [...environments].join(", ");
  return new TrustError("digest_mismatch", `the release names another content than ${file ?? ""} for ${where}`);
}
