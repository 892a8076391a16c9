import type { Verifier } from "../signer.js";
import { parseActivation, type ActivationStatement } from "./activation.js";
import { LEASE_TYPE, parseLease, type Lease } from "./lease.js";
import { parseRelease, type Release } from "./release.js";
import { parseRoot, ROOT_TYPE, ruleOf, type Root } from "./root.js";
import { STATEMENT_TYPE } from "./statement.js";
import { boundedEnvelope, digestOf, requireThreshold } from "./threshold.js";
import { TrustError } from "./trust-error.js";
import type { Held, TrustIdentity } from "./trust-state.js";

/** By whom and for whom an object is verified. */
export interface Verification {
  readonly root: Root;
  readonly identity: TrustIdentity;
  readonly verifier: Verifier;
}

/**
 * The root that a runtime is given: signed by a threshold of its own keys, which proves that it is whole, and of the runtime's project.
 * Its expiry is not checked: newer ones may be served.
 *
 * @throws TrustError
 */
export async function verifyPinnedRoot(
  envelope: string,
  identity: Pick<TrustIdentity, "orgId" | "projectId">,
  verifier: Verifier,
): Promise<Root> {
  // Before its signatures: who may sign is in it, and whoever gave it is trusted.
  const root = parseRoot(boundedEnvelope(envelope).payload);
  await requireThreshold(envelope, ROOT_TYPE, ruleOf(root, "root", null), verifier);
  requireProject(root, identity, "root");
  return root;
}

/**
 * Step 1, for one root: size → threshold of the version before → parse → identity → its own threshold → version. That each keyid is its
 * key's is checked when it is parsed.
 *
 * @throws TrustError
 */
export async function verifyNextRoot(envelope: string, before: Root, verifier: Verifier): Promise<Root> {
  const payload = await requireThreshold(envelope, ROOT_TYPE, ruleOf(before, "root", null), verifier);
  const root = parseRoot(payload);
  requireProject(root, before, "root");
  await requireThreshold(envelope, ROOT_TYPE, ruleOf(root, "root", null), verifier);
  if (root.version !== before.version + 1) {
    throw new TrustError("root_version", `root ${root.version} does not follow root ${before.version}`);
  }
  return root;
}

/** Step 2, what holds whenever it is read: size → threshold → type → identity. Throws TrustError. */
export async function verifyLease(envelope: string, { root, identity, verifier }: Verification): Promise<Held<Lease>> {
  const rule = ruleOf(root, "lease", identity.environment);
  const payload = await requireThreshold(envelope, LEASE_TYPE, rule, verifier);
  const value = parseLease(payload);
  requireIdentity(value, identity, "lease");
  return { envelope, digest: digestOf(payload), value };
}

/** Step 3, likewise: threshold → types → identity. Throws TrustError. */
export async function verifyActivation(
  envelope: string,
  { root, identity, verifier }: Verification,
): Promise<Held<ActivationStatement>> {
  const rule = ruleOf(root, "activation", identity.environment);
  const payload = await requireThreshold(envelope, STATEMENT_TYPE, rule, verifier);
  const value = parseActivation(payload);
  requireIdentity(value, identity, "activation");
  return { envelope, digest: digestOf(payload), value };
}

/** Step 4, likewise: threshold of the environment's authors → types → identity. Throws TrustError. */
export async function verifyRelease(
  envelope: string,
  { root, identity, verifier }: Verification,
): Promise<Held<Release>> {
  const rule = ruleOf(root, "release", identity.environment);
  const payload = await requireThreshold(envelope, STATEMENT_TYPE, rule, verifier);
  const value = parseRelease(payload);
  requireProject(value, identity, "release");
  return { envelope, digest: digestOf(payload), value };
}

/**
 * Step 4: the release's subject for the environment is the content, and its media type the activation's: else a server could have what the
 * authors signed read as something else.
 *
 * @throws TrustError `release_missing`, `digest_mismatch` or `mix_and_match`
 */
export function requireReleased(
  release: Release,
  { content, mediaType }: Pick<ActivationStatement, "content" | "mediaType">,
  environment: string,
): void {
  const released = release.subjects.get(environment);
  if (released === undefined) throw new TrustError("release_missing", `the release is not for ${environment}`);
  if (released !== content) {
    throw new TrustError("digest_mismatch", `the release names another content for ${environment}`);
  }
  if (release.mediaType === mediaType) return;
  throw new TrustError("mix_and_match", `the release is of ${release.mediaType}, the activation of ${mediaType}`);
}

function requireIdentity(value: TrustIdentity, wanted: TrustIdentity, name: string): void {
  requireProject(value, wanted, name);
  if (value.environment === wanted.environment) return;
  throw new TrustError(
    "wrong_identity",
    `the ${name} is of environment ${value.environment}, not ${wanted.environment}`,
  );
}

function requireProject(
  value: Pick<TrustIdentity, "orgId" | "projectId">,
  wanted: Pick<TrustIdentity, "orgId" | "projectId">,
  name: string,
): void {
  if (value.orgId === wanted.orgId && value.projectId === wanted.projectId) return;
  const shown = `${value.orgId}/${value.projectId}, not ${wanted.orgId}/${wanted.projectId}`;
  throw new TrustError("wrong_identity", `the ${name} is of project ${shown}`);
}
