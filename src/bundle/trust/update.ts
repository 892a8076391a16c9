import { parseAttestation, type Attestation } from "./attestation.js";
import type { ActivationStatement } from "./activation.js";
import { MAX_CONTENT_BYTES } from "./forms.js";
import { MAX_LEASE_AHEAD_MS, type Lease } from "./lease.js";
import type { Release } from "./release.js";
import { MAX_ROOTS_AT_ONCE, ruleOf } from "./root.js";
import { payloadDigest } from "./threshold.js";
import { TrustError } from "./trust-error.js";
import { floorOf, isRevoked, trustNow, type Held, type TrustedState } from "./trust-state.js";
import { timeMs } from "./trust-time.js";
import {
  requireReleased,
  verifyActivation,
  verifyLease,
  verifyNextRoot,
  verifyRelease,
  type Verification,
} from "./verify-objects.js";
import { holdUnder, portableSha256, runningBy, type VerifyTrustOptions } from "./verify-state.js";

/** Where an update comes from: a watch, a poll or files. What it rejects with, but a TrustError, is not a refusal: it is passed on. */
export interface UpdateSource {
  /** The envelope of a root; null above the newest. */
  root(version: number): Promise<string | null>;
  /** The JSON text of an attestation. */
  attestation(): Promise<string>;
  /** The content of the activation, which has `size` bytes; reading may end after one byte more. */
  content(size: number): Promise<Uint8Array>;
}

/** How to verify an update. */
export interface UpdateOptions extends Omit<VerifyTrustOptions, "identity"> {
  /** The runtime's own clock. */
  readonly now: Date;
  /** Cap on the content; default {@link MAX_CONTENT_BYTES}. */
  readonly maxBytes?: number;
}

/**
 * What an update came to.
 *
 * - `activated`: another activation runs now.
 * - `emptied`: nothing is active any more.
 * - `renewed`: what ran before is still the newest.
 * - `refused`: nothing changes, but for the roots that were followed.
 */
export type UpdateOutcome = "activated" | "emptied" | "renewed" | "refused";

/** The result of {@link verifyUpdate}. */
export interface TrustUpdate {
  readonly outcome: UpdateOutcome;
  /** The state from now on: to persist, after the content and before it is applied, also when refused. */
  readonly trusted: TrustedState;
  /** With `activated`: the new content, not yet parsed; null when it is the one that ran before. */
  readonly content: Uint8Array | null;
  /** Why it was refused. */
  readonly error: TrustError | null;
}

/** Verifies an update in the order of docs/trust.md, steps 0 to 5. Step 6, to persist and to apply, is the caller's. */
export async function verifyUpdate(
  trusted: TrustedState,
  source: UpdateSource,
  options: UpdateOptions,
): Promise<TrustUpdate> {
  const run = new UpdateRun(trusted, source, options);
  try {
    return await run.verify();
  } catch (thrown) {
    if (!(thrown instanceof TrustError)) throw thrown;
    return { outcome: "refused", trusted: run.trusted, content: null, error: thrown };
  }
}

class UpdateRun {
  /** Step 0: fixed for the update, whatever roots do to the lease that it comes from. */
  private readonly nowMs: number;

  constructor(
    public trusted: TrustedState,
    private readonly source: UpdateSource,
    private readonly options: UpdateOptions,
  ) {
    this.nowMs = trustNow(trusted, options.now.getTime());
  }

  async verify(): Promise<TrustUpdate> {
    await this.roots();
    const attestation = parseAttestation(await this.source.attestation());
    const lease = await this.lease(attestation);
    const before = this.trusted;
    if (lease.value.activation === null) {
      // The release stays: its number is a floor of the authors', which no server may take away.
      const nothing = { activation: null, running: null, isProven: false };
      const outcome = before.running === null ? "renewed" : "emptied";
      return { outcome, trusted: { ...before, lease, ...nothing }, content: null, error: null };
    }
    if (before.isProven && before.activation?.digest === lease.value.activation) {
      return { outcome: "renewed", trusted: { ...before, lease }, content: null, error: null };
    }
    const activation = await this.activation(attestation, lease.value);
    const release = await this.release(attestation, activation.value);
    const content = await this.content(activation.value);
    const running = runningBy(activation, release);
    const isRenewed = before.running?.activation === activation.digest;
    return {
      outcome: isRenewed ? "renewed" : "activated",
      trusted: { ...before, lease, activation, release, running, isProven: true },
      content,
      error: null,
    };
  }

  /** Step 1. */
  private async roots(): Promise<void> {
    // Level 0 has no next version.
    if (this.trusted.root.version === 0) return;
    for (let followed = 0; followed < MAX_ROOTS_AT_ONCE; followed++) {
      const { root, roots } = this.trusted;
      const envelope = await this.source.root(root.version + 1);
      if (envelope === null) break;
      const next = await verifyNextRoot(envelope, root, this.options.verifier);
      const stored = { version: next.version, envelope };
      // Kept from here on, whatever becomes of the rest.
      const held = await holdUnder(next, this.trusted, this.options.verifier);
      this.trusted = { ...held, roots: [...roots, stored] };
    }
    const { version, expiresAt } = this.trusted.root;
    if (this.nowMs >= timeMs(expiresAt))
      throw new TrustError("root_expired", `root ${version} ran out at ${expiresAt}`);
  }

  /** Step 2. */
  private async lease({ lease: envelope }: Attestation): Promise<Held<Lease>> {
    if (envelope === null) throw new TrustError("malformed", "the attestation has no lease");
    // Size, threshold, type, identity.
    const held = await verifyLease(envelope, this.by());
    const { rootVersion, sequence, activation, issuedAt, expiresAt } = held.value;
    const { root } = this.trusted;
    // A lease of a project with roots is good for a runtime of level 0, which follows none.
    if (root.version !== 0 && rootVersion > root.version) {
      throw new TrustError(
        "root_withheld",
        `the lease is of root ${rootVersion}, and the server serves ${root.version}`,
      );
    }
    if (timeMs(issuedAt) > this.nowMs + MAX_LEASE_AHEAD_MS)
      throw new TrustError("clock", `the lease is issued at ${issuedAt}`);
    if (this.nowMs >= timeMs(expiresAt)) throw new TrustError("lease_expired", `the lease ran out at ${expiresAt}`);
    const floor = floorOf(this.trusted);
    if (sequence < floor.sequence)
      throw new TrustError("rolled_back", `sequence ${sequence} is below ${floor.sequence}`);
    if (sequence === floor.sequence && floor.sequence > 0 && activation !== floor.activation) {
      throw new TrustError("equivocation", `sequence ${sequence} has another activation than before`);
    }
    if (floor.issuedAt !== null && issuedAt < floor.issuedAt) {
      throw new TrustError("lease_older", `the lease is of ${issuedAt}, before ${floor.issuedAt}`);
    }
    return held;
  }

  /** Step 3. */
  private async activation({ activation: envelope }: Attestation, lease: Lease): Promise<Held<ActivationStatement>> {
    if (envelope === null) throw new TrustError("malformed", "the attestation has no activation");
    // Before any signature.
    if (payloadDigest(envelope) !== lease.activation) {
      throw new TrustError("mix_and_match", "the activation is not the lease's");
    }
    // Threshold, types, identity.
    const held = await verifyActivation(envelope, this.by());
    const { sequence, size, content } = held.value;
    if (sequence !== lease.sequence) {
      throw new TrustError("mix_and_match", `the activation has sequence ${sequence}, the lease ${lease.sequence}`);
    }
    const { maxBytes = MAX_CONTENT_BYTES } = this.options;
    if (size > maxBytes) throw new TrustError("too_large", `the content has ${size} bytes, more than ${maxBytes}`);
    if (isRevoked(this.trusted.root, content)) throw new TrustError("revoked", `the content ${content} is revoked`);
    return held;
  }

  /** Step 4. Null where the root asks for none. */
  private async release(
    { release: envelope }: Attestation,
    activation: ActivationStatement,
  ): Promise<Held<Release> | null> {
    const { root, identity, release: last } = this.trusted;
    const { release: digest } = activation;
    if (ruleOf(root, "release", identity.environment).threshold === 0) return null;
    if (digest === null || envelope === null) {
      throw new TrustError("release_missing", `${identity.environment} needs a release, and the activation has none`);
    }
    if (payloadDigest(envelope) !== digest) {
      throw new TrustError("mix_and_match", "the release is not the activation's");
    }
    if (isRevoked(root, digest)) throw new TrustError("revoked", `the release ${digest} is revoked`);
    // Threshold, types, identity.
    const held = await verifyRelease(envelope, this.by());
    const { expiresAt, number } = held.value;
    requireReleased(held.value, activation, identity.environment);
    if (expiresAt !== null && this.nowMs >= timeMs(expiresAt)) {
      throw new TrustError("release_expired", `release ${number} ran out at ${expiresAt}`);
    }
    if (root.rollback === "release" && last !== null && number < last.value.number) {
      throw new TrustError("rolled_back", `release ${number} is below ${last.value.number}`);
    }
    return held;
  }

  /** Step 5. Null when it is what runs. */
  private async content({ content: digest, size }: ActivationStatement): Promise<Uint8Array | null> {
    const { running } = this.trusted;
    if (running !== null && running.content === digest && running.size === size) return null;
    const bytes = await this.source.content(size);
    if (bytes.length > size)
      throw new TrustError("too_large", `the content has more than the ${size} bytes it declares`);
    if (bytes.length < size) throw new TrustError("truncated", `the content has ${bytes.length} of ${size} bytes`);
    const { sha256Hex = portableSha256 } = this.options;
    if ((await sha256Hex(bytes)) !== digest)
      throw new TrustError("digest_mismatch", "the content is not the activation's");
    return bytes;
  }

  private by(): Verification {
    const { root, identity } = this.trusted;
    return { root, identity, verifier: this.options.verifier };
  }
}
