import type { PublicKey } from "../bundle/keys.js";
import { VerificationError } from "../bundle/verification-error.js";
import { checkVerifyArguments, isKeys } from "../bundle/verify-arguments.js";
import {
  verifyDocument,
  type ExpectedIdentity,
  type VerifiedBundle,
  type VerifyOptions,
} from "../bundle/verify-bundle.js";
import type { CachedActivation } from "./bundle-cache.js";
import type { ActivationEvent, DocumentOrigin, RejectedEvent, RejectionReason } from "./watch-event.js";

/** Trusted keys, or a function that returns the current ones: called for every document, so that a replaced key needs no new watch. */
export type KeySource = readonly PublicKey[] | (() => readonly PublicKey[] | Promise<readonly PublicKey[]>);

/** The current keys. Rejects with the error of the source, or a TypeError for anything but a list of keys. */
export async function keysOf(source: KeySource): Promise<readonly PublicKey[]> {
  const keys = typeof source === "function" ? await source() : source;
  checkKeys(keys);
  return keys;
}

/** Throws a TypeError for anything but a list of keys, for example a PEM text. */
export function checkKeys(keys: readonly PublicKey[]): void {
  if (isKeys(keys)) return;
  throw new TypeError("keys must be a list of what parsePublicKey returns, or a function that returns one");
}

/** The keys to trust, and the identity that bundles must have. */
export interface Trust extends VerifyOptions {
  /** The keys that may sign: from the configuration, not from the server. */
  readonly keys: KeySource;
  readonly expect: ExpectedIdentity;
}

/** Verifies the document of an activation, and that the activation names it. Rejects only with a TypeError for invalid options. */
export async function verifyActivation(
  activation: CachedActivation,
  from: DocumentOrigin,
  trust: Trust,
  historyLost: boolean,
): Promise<ActivationEvent | RejectedEvent> {
  const { sequence, deploymentId, kind, version, policyHash, document } = activation;
  const rejected = (reason: RejectionReason, message: string): RejectedEvent => {
    return { type: "rejected", from, sequence, deploymentId, version, policyHash, reason, message };
  };
  let keys: readonly PublicKey[];
  try {
    keys = await keysOf(trust.keys);
  } catch (thrown) {
    return rejected("unknown_key", `cannot read the trusted keys: ${String(thrown)}`);
  }
  // Outside of the try: a mistake of the caller is not an invalid bundle.
  checkVerifyArguments(document, keys, trust.expect, trust);
  let bundle: VerifiedBundle;
  try {
    bundle = await verifyDocument(document, keys, trust.expect, trust);
  } catch (thrown) {
    if (thrown instanceof VerificationError) return rejected(thrown.reason, thrown.message);
    // Any other error: nothing unverified is applied.
    return rejected("malformed", `cannot verify the document: ${String(thrown)}`);
  }
  const named = bundle.document;
  if (named.policy_hash !== policyHash || (named.bundle_version ?? version) !== version) {
    const found = `version ${named.bundle_version ?? "(none)"} with ${named.policy_hash}`;
    return rejected("mismatch", `the document is ${found}, the activation names version ${version} with ${policyHash}`);
  }
  const activatedAt = new Date(activation.activatedAt);
  const reason = activation.reason ?? null;
  const verified = { sequence, deploymentId, kind, version, policyHash, activatedAt, reason, document, bundle };
  return { type: "activation", from, activation: verified, historyLost, ageMs: null };
}
