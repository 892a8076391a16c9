import { structuredText } from "./structured-json.js";

/** The name of a bundle's manifest in its archive. */
export const MANIFEST_FILE = ".manifest";

/** What names an activation in a revision. */
export interface OpaRevision {
  /** 1 and up. */
  readonly sequence: number;
  /** `sha256:` and 64 hex digits. */
  readonly policyHash: string;
}

/** The activation that an archive is made for. */
export interface OpaActivation extends OpaRevision {
  /** UUID. */
  readonly orgId: string;
  /** UUID. */
  readonly projectId: string;
  /** The environment's name. */
  readonly environment: string;
  /** The bundle's number in its environment. */
  readonly version: number;
  /** ISO 8601, UTC. */
  readonly activatedAt: string;
}

/** The largest sequence: a uint32. */
const MAX_SEQUENCE = 4_294_967_295;

/** The revision of an archive: `<sequence>.<policy_hash>`. It returns in OPA's status and in every decision that it logs. */
export function formatRevision({ sequence, policyHash }: OpaRevision): string {
  return `${sequence}.${policyHash}`;
}

/** The inverse of {@link formatRevision}; null for any other text. */
export function parseRevision(text: string): OpaRevision | null {
  const [, digits, policyHash] = /^([1-9]\d{0,9})\.(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  if (digits === undefined || policyHash === undefined || Number(digits) > MAX_SEQUENCE) return null;
  return { sequence: Number(digits), policyHash };
}

/**
 * The text of `.manifest`, as {@link structuredText}: `revision`, `roots`, `rego_version`, and `metadata.signet` {org, project,
 * environment, version, policy_hash, sequence}.
 */
export function formatManifest(
  activation: OpaActivation,
  { roots, regoVersion }: { readonly roots: readonly string[]; readonly regoVersion: 0 | 1 },
): string {
  const { orgId, projectId, environment, version, policyHash, sequence } = activation;
  return structuredText(
    JSON.stringify({
      revision: formatRevision(activation),
      roots,
      rego_version: regoVersion,
      metadata: {
        signet: { org: orgId, project: projectId, environment, version, policy_hash: policyHash, sequence },
      },
    }),
  );
}

/** The scope of an archive's signature: `<project_id>/<environment>`. OPA compares it exactly. */
export function opaScope({ projectId, environment }: Pick<OpaActivation, "projectId" | "environment">): string {
  return `${projectId}/${environment}`;
}
