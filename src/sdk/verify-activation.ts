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

/** Keys to trust, or where to get the current ones: asked for every document, so that a key that was replaced needs no new watch. */
export type KeySource = readonly PublicKey[] | (() => readonly PublicKey[] | Promise<readonly PublicKey[]>);

/** The keys of the moment. Rejects with what the source throws, and with a TypeError for anything that is no list of keys. */
export async function keysOf(source: KeySource): Promise<readonly PublicKey[]> {
  const keys = typeof source === "function" ? await source() : source;
  checkKeys(keys);
  return keys;
}

/** Throws a TypeError for anything that is no list of keys, a PEM text for example. */
export function checkKeys(keys: readonly PublicKey[]): void {
  if (isKeys(keys)) return;
  throw new TypeError("keys must be a list of what parsePublicKey returns, or a function that returns one");
}

/** Whom to trust, and whose bundle it has to be. */
export interface Trust extends VerifyOptions {
  /** The keys that may have signed: as configured, not as the server says. */
  readonly keys: KeySource;
  readonly expect: ExpectedIdentity;
}

/** Verifies an activation's document, and that it is the document that the activation names. Rejects with a TypeError for wrong options only. */
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
    return rejected("unknown_key", `the keys to trust could not be read: ${String(thrown)}`);
  }
  // Before anything is caught: a caller's mistake is no bundle that is not good.
  checkVerifyArguments(document, keys, trust.expect, trust);
  let bundle: VerifiedBundle;
  try {
    bundle = await verifyDocument(document, keys, trust.expect, trust);
  } catch (thrown) {
    if (thrown instanceof VerificationError) return rejected(thrown.reason, thrown.message);
    // Nothing is applied that was not verified, whatever went wrong.
    return rejected("malformed", `the document could not be verified: ${String(thrown)}`);
  }
  const named = bundle.document;
  if (named.policy_hash !== policyHash || (named.bundle_version ?? version) !== version) {
    const found = `version ${named.bundle_version ?? "(none)"} with ${named.policy_hash}`;
    return rejected("mismatch", `the document is ${found}, the activation names version ${version} with ${policyHash}`);
  }
  const activatedAt = new Date(activation.activatedAt);
  const verified = { sequence, deploymentId, kind, version, policyHash, activatedAt, document, bundle };
  return { type: "activation", from, activation: verified, historyLost, ageMs: null };
}
