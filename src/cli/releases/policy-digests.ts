import type { Command } from "commander";
import { canonicalContent, contentDigest } from "../../bundle/policy-hash.js";
import { formatScopePolicies, readScopePolicies, rewriteScopePolicies } from "../../bundle/scope-policies.js";
import { scanStrictJson } from "../../bundle/strict-json.js";
import { TrustError } from "../../bundle/trust/trust-error.js";
import type { Release } from "../../bundle/trust/release.js";
import { policyReading, scopeReading, withPolicyReading, type PolicyOptions } from "../bundles/options.js";
import { InputError, UsageError } from "../shell/cli-error.js";
import { printable } from "../../core/printable.js";
import { OPA_POLICIES, type MediaType } from "../../core/bundle.js";
import { readPolicies, withPolicyKind, type KindOptions } from "../policies/policies.js";
import type { Shell } from "../shell/shell.js";
import { readPolicyFile } from "../shell/policy-file.js";

/** The files of a policy. */
export interface PolicyFiles extends PolicyOptions, KindOptions {
  readonly file: string;
  readonly scopePolicies?: string;
}

/** Adds `--file` and `--scope-policies`, with which a release is compared (PolicyFiles, all optional). */
export function withComparedPolicy(command: Command): Command {
  return withPolicyKind(
    withPolicyReading(
      command
        .option("-f, --file <file>", "policies that it must be a release of: a document, a folder or an archive")
        .option("--scope-policies <file>", "policies for single tenants, apps, agents and environments"),
    ),
  );
}

/** What a release says of the policies. */
export interface ReleasedPolicies {
  /** By environment: 64 hex digits. */
  readonly digests: ReadonlyMap<string, string>;
  readonly mediaType: MediaType;
}

/**
 * The digest of a policy's content in each environment, 64 hex digits: as it is published to the first one, and promoted from each to the
 * next, which rewrites the scope policies that name the environment that it comes from. Throws InputError, AppError and UsageError.
 */
export async function policyDigests(
  { file, scopePolicies, ...options }: PolicyFiles,
  environments: readonly string[],
  shell: Pick<Shell, "io" | "notice">,
): Promise<ReleasedPolicies> {
  const { policies, mediaType } = await readPolicies(shell, file, policyReading(options), options);
  if (mediaType === OPA_POLICIES && scopePolicies !== undefined)
    throw new UsageError("--scope-policies is for a JSON or YAML document: policies of kind OPA have none");
  if (scanStrictJson(policies, { base: ["body", "policies"] }).kind !== "object") {
    throw new InputError(`${file} is not an object`);
  }
  const scoped =
    scopePolicies === undefined ? "{}" : await readPolicyFile(scopePolicies, shell.io, scopeReading(options));
  let rules = readScopePolicies(scoped);
  const digests = new Map<string, string>();
  let before: string | undefined;
  for (const environment of environments) {
    if (before !== undefined) rules = rewriteScopePolicies(rules, before, environment);
    const { policyHash } = canonicalContent(policies, formatScopePolicies(rules));
    digests.set(environment, contentDigest(policyHash));
    before = environment;
  }
  return { digests, mediaType };
}

/**
 * The environments for which a release names another content than the policy of `--file` has there; none without that option. Throws as
 * policyDigests, and UsageError.
 */
export async function differingFrom(
  { subjects, mediaType }: Release,
  { file, ...options }: Partial<PolicyFiles>,
  shell: Pick<Shell, "io" | "notice">,
): Promise<ReadonlySet<string>> {
  if (file === undefined) {
    if (options.scopePolicies !== undefined) throw new UsageError("--scope-policies goes with --file");
    return new Set();
  }
  const given = await policyDigests({ ...options, file }, [...subjects.keys()], shell);
  if (given.mediaType !== mediaType)
    throw new TrustError(
      "mix_and_match",
      `the release is of ${printable(mediaType)}, and ${file} has ${given.mediaType}`,
    );
  return new Set([...subjects].filter(([name, digest]) => given.digests.get(name) !== digest).map(([name]) => name));
}

/** That a release is of another policy. */
export function otherContent(file: string | undefined, environments: Iterable<string>): TrustError {
  const where = [...environments].join(", ");
  return new TrustError("digest_mismatch", `the release names another content than ${file ?? ""} for ${where}`);
}
