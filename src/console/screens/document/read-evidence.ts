import type { Key } from "../../../../gen/signet/v1/bundle_pb.js";
import { parsePublicKey, type PublicKey } from "../../../bundle/keys.js";
import { toSignetError } from "../../../sdk/signet-error.js";
import { client } from "../../data/client.js";
import { fullClient } from "../../data/full-client.js";
import type { ProjectAt } from "../../data/links.js";

/** What the server says beside a document, which verifying it needs. */
export interface ServerEvidence {
  readonly keys: readonly Key[];
  /** The ids, which documents have instead of slugs. */
  readonly orgId: string;
  readonly projectId: string;
  readonly attestation: string | null;
  readonly root: string | null;
}

/** Reads keys, ids, the newest root and the attestation of the newest activation. */
export async function readEvidence(
  at: ProjectAt,
  deploymentId: string | undefined,
  signal: AbortSignal,
): Promise<ServerEvidence> {
  const path = { orgId: at.org, projectId: at.project };
  const [{ keys }, trust, attestation] = await Promise.all([
    client.bundles.listKeys({}, { signal }),
    fullClient.trust.getTrust(path, { signal }),
    deploymentId === undefined ? null : attestationOf(deploymentId, signal),
  ]);
  const version = trust.root?.version;
  const root = version === undefined ? null : await fullClient.trust.getProjectRoot({ ...path, version }, { signal });
  return { keys, orgId: trust.orgId, projectId: trust.projectId, attestation, root: root?.envelope ?? null };
}

/** Null where none can be made, for example without a key for attestations. */
async function attestationOf(deploymentId: string, signal: AbortSignal): Promise<string | null> {
  try {
    return (await client.runtimes.getDeploymentAttestation({ deploymentId }, { signal })).attestation;
  } catch (thrown) {
    const { code } = toSignetError(thrown);
    if (code === "unavailable" || code === "not_found") return null;
    throw thrown;
  }
}

/** The public keys of a purpose. What is listed under an id that is not its own does not count. */
export function publicKeysOf(keys: readonly Key[], purpose: string): readonly PublicKey[] {
  return keys
    .filter((key) => key.purpose === purpose)
    .flatMap(({ keyId, publicKeyPem }) => {
      const key = parsePublicKey(publicKeyPem);
      return key.keyId === keyId ? [key] : [];
    });
}

/** Whose key it is and how it stands, in words. */
export function keyWords({ state, orgId, environment }: Key): string {
  const owner =
    environment !== undefined ? `of ${environment}` : orgId !== undefined ? "of the organization" : "of the server";
  const standing =
    { current: "the current key", next: "the announced next key", previous: "a previous key" }[state] ?? state;
  return `${standing} ${owner}`;
}
