import { createHash } from "node:crypto";
import { addSignature, envelopeKeyId, parseEnvelope, signEnvelope } from "../../bundle/envelope/dsse.js";
import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import type { Signer } from "../../bundle/signer.js";
import { contentDigest } from "../../bundle/policy-hash.js";
import { formatActivation } from "../../bundle/trust/activation.js";
import { formatLease, LEASE_TYPE, type Lease } from "../../bundle/trust/lease.js";
import { STATEMENT_TYPE } from "../../bundle/trust/statement.js";
import { MAX_ENVELOPE_LENGTH, MAX_SIGNATURES } from "../../bundle/trust/threshold.js";
import type { Deployment } from "../../core/bundle.js";
import type { Instant } from "../../core/clock.js";
import type { Release } from "../../core/trust/release.js";
import type { ActivationAttestation } from "../../core/trust/activation-attestation.js";
import type { DocumentDigests } from "../documents/kept-document.js";

/** Signatures by keys of before that an envelope keeps: those of the last rotations. */
const MAX_EARLIER = 7;
const BOUNDS = { maxLength: MAX_ENVELOPE_LENGTH, maxSignatures: MAX_SIGNATURES };

/** What an attestation says besides the deployment and its document. */
export interface AttestationFacts {
  /** The release by which the content was allowed; null where none is needed. */
  readonly release: Pick<Release, "digest" | "number"> | null;
  /** The payload digest of the activation before; null when that has no attestation. */
  readonly previous: string | null;
  readonly attestedAt: Instant;
}

/** Signs activations and leases with the server's current key for them. */
export class Attester {
  #parsed: { readonly pem: string; readonly key: PublicKey } | null = null;

  /** @param keys the key may be another one after its rotation */
  constructor(private readonly keys: { readonly attestation: Signer }) {}

  /** The current key. */
  get keyId(): string {
    return this.keys.attestation.keyId;
  }

  /** Signs what was made active. Throws `signing_failed`. */
  async attest(
    deployment: Deployment,
    { documentSha256, contentSize }: DocumentDigests,
    { release, previous, attestedAt }: AttestationFacts,
  ): Promise<ActivationAttestation> {
    const { orgId, projectId, environment, sequence, kind, bundleId, version, id } = deployment;
    const payload = formatActivation({
      ...{ orgId, projectId, environment, sequence, kind, bundleId, version },
      ...{ content: contentDigest(deployment.policyHash), document: documentSha256, size: contentSize },
      ...{ deploymentId: id, activatedAt: deployment.at, mediaType: deployment.mediaType },
      ...{ release: release?.digest ?? null, previous },
    });
    return {
      deploymentId: id,
      envelope: await this.#sign(STATEMENT_TYPE, payload),
      digest: createHash("sha256").update(payload).digest("hex"),
      releaseDigest: release?.digest ?? null,
      releaseNumber: release?.number ?? null,
      keyId: this.keyId,
      attestedAt,
    };
  }

  /** Signs a lease: the envelope. Throws `signing_failed`. */
  async lease(lease: Lease): Promise<string> {
    return await this.#sign(LEASE_TYPE, formatLease(lease));
  }

  /** Whether an envelope of this server has a signature by the current key, by its `keyid`. */
  hasSigned(envelope: string): boolean {
    const id = envelopeKeyId(this.#key);
    return parseEnvelope(envelope, BOUNDS).signatures.some(({ keyid }) => keyid === id);
  }

  /**
   * The envelope with a signature by the current key over the same payload. Of those that it has the newest stay: a root document names few
   * keys. Throws `signing_failed`.
   */
  async countersign(envelope: string): Promise<string> {
    return await addSignature(withNewest(envelope, MAX_EARLIER), this.keys.attestation, this.#key);
  }

  async #sign(payloadType: string, payload: Uint8Array): Promise<string> {
    return await signEnvelope(payloadType, payload, this.keys.attestation, this.#key);
  }

  get #key(): PublicKey {
    const { publicKeyPem } = this.keys.attestation;
    if (this.#parsed?.pem !== publicKeyPem) this.#parsed = { pem: publicKeyPem, key: parsePublicKey(publicKeyPem) };
    return this.#parsed.key;
  }
}

function withNewest(envelope: string, most: number): string {
  const parsed = JSON.parse(envelope) as { readonly signatures: readonly unknown[] };
  return JSON.stringify({ ...parsed, signatures: parsed.signatures.slice(-most) });
}
