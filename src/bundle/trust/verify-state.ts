import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Verifier } from "../signer.js";
import type { ActivationStatement } from "./activation.js";
import type { Release } from "./release.js";
import { ruleOf, type Root } from "./root.js";
import { TrustError } from "./trust-error.js";
import {
  emptyState,
  isRevoked,
  type Held,
  type Running,
  type StoredRoot,
  type TrustedState,
  type TrustIdentity,
  type TrustState,
} from "./trust-state.js";
import {
  requireReleased,
  verifyActivation,
  verifyLease,
  verifyNextRoot,
  verifyRelease,
  type Verification,
} from "./verify-objects.js";

/** How to verify. */
export interface VerifyTrustOptions {
  readonly identity: TrustIdentity;
  readonly verifier: Verifier;
  /** Lower-case hex of the SHA-256 of bytes; default: the portable one. */
  readonly sha256Hex?: Sha256OfBytes;
}

/** Lower-case hex of the SHA-256 of bytes; asynchronous where the platform's is. */
export type Sha256OfBytes = (bytes: Uint8Array) => string | Promise<string>;

/** What a start may use of what is on disk. */
export interface StateCheck {
  readonly trusted: TrustedState;
  /** The verified content; null when there is none to run. */
  readonly content: Uint8Array | null;
  /** The first flaw; what is not affected by it is in `trusted`, floors foremost. */
  readonly error: TrustError | null;
}

/**
 * Verifies what a runtime finds on its disk when it starts, as if it came from a stranger: roots from the pinned one on, then each
 * envelope, then the content's bytes. What fails is left out and keeps no floor; nothing else is lost. Times are not checked:
 * `conditionOf` says whether it is still fresh.
 *
 * @param stored null when there is nothing
 * @param pinned the root that the runtime is given; it may be newer than when the state was stored
 * @param content the stored bytes; null when they are lost
 */
export async function verifyState(
  stored: TrustState | null,
  pinned: Root,
  content: Uint8Array | null,
  options: VerifyTrustOptions,
): Promise<StateCheck> {
  const { identity, verifier, sha256Hex = portableSha256 } = options;
  const empty = emptyState(pinned, identity);
  if (stored === null) return { trusted: empty, content: null, error: null };
  const flaws: TrustError[] = [];
  if (!isSame(stored.identity, identity)) {
    return {
      trusted: empty,
      content: null,
      error: new TrustError("wrong_identity", "the state is of another environment"),
    };
  }
  const { root, roots } = await storedRoots(stored.roots, pinned, verifier, flaws);
  const held = await holdsOf(stored, { root, identity, verifier }, flaws);
  const running = await runningOf({ ...held, root, identity }, content, sha256Hex, flaws);
  const trusted: TrustedState = { identity, root, roots, ...held, running, isProven: false };
  const isProven = running !== null && proves(trusted);
  return { trusted: { ...trusted, isProven }, content: running && content, error: flaws[0] ?? null };
}

/**
 * Step 1, after a root was followed: what is held is verified again under it. Where it no longer verifies, its floor goes with it; so a
 * runtime recovers from a server that was seized and counted ahead. What runs goes on running.
 */
export async function holdUnder(root: Root, before: TrustedState, verifier: Verifier): Promise<TrustedState> {
  const { identity, lease, activation, release } = before;
  const envelopes = {
    lease: lease?.envelope ?? null,
    activation: activation?.envelope ?? null,
    release: release?.envelope ?? null,
  };
  const after = { ...before, root, ...(await holdsOf(envelopes, { root, identity, verifier }, [])) };
  return { ...after, isProven: after.running !== null && proves(after) };
}

/** The default of {@link VerifyTrustOptions}. */
export function portableSha256(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

type Envelopes = Pick<TrustState, "lease" | "activation" | "release">;
type Holds = Pick<TrustedState, "lease" | "activation" | "release">;

async function storedRoots(stored: readonly StoredRoot[], pinned: Root, verifier: Verifier, flaws: TrustError[]) {
  let root = pinned;
  const roots: StoredRoot[] = [];
  // Level 0 has no next version.
  const following = pinned.version === 0 ? [] : stored.filter(({ version }) => version > pinned.version);
  for (const { envelope } of following) {
    const next = await unlessFlawed(async () => await verifyNextRoot(envelope, root, verifier), flaws);
    if (next === null) break;
    root = next;
    roots.push({ version: root.version, envelope });
  }
  return { root, roots };
}

async function holdsOf(envelopes: Envelopes, by: Verification, flaws: TrustError[]): Promise<Holds> {
  const { lease, activation, release } = envelopes;
  const hold = async <T>(envelope: string | null, verify: (text: string, by: Verification) => Promise<Held<T>>) =>
    envelope === null ? null : await unlessFlawed(async () => await verify(envelope, by), flaws);
  const isReleased = ruleOf(by.root, "release", by.identity.environment).threshold > 0;
  return {
    lease: await hold(lease, verifyLease),
    activation: await hold(activation, verifyActivation),
    release: isReleased ? await hold(release, verifyRelease) : null,
  };
}

/** What runs from now on: the held content, if activation and release, where the root asks for one, name it. */
async function runningOf(
  held: Holds & Pick<TrustedState, "root" | "identity">,
  content: Uint8Array | null,
  sha256Hex: Sha256OfBytes,
  flaws: TrustError[],
): Promise<Running | null> {
  const { activation } = held;
  if (activation === null || content === null) return null;
  return await unlessFlawed(async () => {
    if (content.length !== activation.value.size || (await sha256Hex(content)) !== activation.value.content) {
      throw new TrustError("digest_mismatch", "the stored content is not the activation's");
    }
    requireSet(held, activation);
    return runningBy(activation, releaseFor(held, activation.value));
  }, flaws);
}

/** Whether what is held belongs together and nothing of it is revoked: then a new lease for it renews it. */
function proves(state: TrustedState): boolean {
  const { root, activation, running } = state;
  if (activation === null || running === null || running.content !== activation.value.content) return false;
  try {
    requireSet(state, activation);
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    return false;
  }
  const release = releaseFor(state, activation.value);
  return !isRevoked(root, activation.value.content) && !isRevoked(root, release?.digest ?? null);
}

function requireSet(
  { root, identity, lease, release }: Holds & Pick<TrustedState, "root" | "identity">,
  activation: Held<ActivationStatement>,
): void {
  if (lease !== null && lease.value.activation !== activation.digest) {
    throw new TrustError("mix_and_match", "the stored activation is not the lease's");
  }
  if (ruleOf(root, "release", identity.environment).threshold === 0) return;
  if (release === null) throw new TrustError("release_missing", "the stored activation has no release");
  if (release.digest !== activation.value.release) {
    throw new TrustError("mix_and_match", "the stored release is not the activation's");
  }
  requireReleased(release.value, activation.value, identity.environment);
}

function releaseFor({ release }: Holds, activation: ActivationStatement): Held<Release> | null {
  return release !== null && release.digest === activation.release ? release : null;
}

/** What runs by an activation and, where the root asks for one, its release. */
export function runningBy({ digest, value }: Held<ActivationStatement>, release: Held<Release> | null): Running {
  const { content, size, sequence, version } = value;
  return { content, size, activation: digest, sequence, version, release: release?.digest ?? null };
}

async function unlessFlawed<T>(verify: () => Promise<T>, flaws: TrustError[]): Promise<T | null> {
  try {
    return await verify();
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    flaws.push(thrown);
    return null;
  }
}

function isSame(a: TrustIdentity, b: TrustIdentity): boolean {
  return a.orgId === b.orgId && a.projectId === b.projectId && a.environment === b.environment;
}
