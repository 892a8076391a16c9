import { formatAttestation, formatRenewal } from "../../bundle/trust/attestation.js";
import type { StoredRoot, TrustedState } from "../../bundle/trust/trust-state.js";

/** The signed texts that prove what a runtime has, as they came: for who relays them. Never changes. */
export interface RuntimeProof {
  /**
   * JSON text `{"lease","activation","release","proof"}`, as `GET /v1/bundles/latest/attestation` answers; a lease alone where nothing is
   * active. Null without a lease for what the runtime has.
   */
  readonly attestation: string | null;
  /** The envelope of that lease. */
  readonly lease: string | null;
  /** When the lease was issued. */
  readonly issuedAt: Date | null;
  /** The envelope of the activation that was verified last; null: nothing is active, or the newest root no longer proves it. */
  readonly activation: string | null;
  /** Of that activation; 0 and empty without one. */
  readonly sequence: number;
  readonly deploymentId: string;
  /** The version of the newest root; 0 for pinned keys. */
  readonly rootVersion: number;
  /** The roots after the pinned one. */
  readonly roots: readonly StoredRoot[];
}

/** The proof in a state. */
export function proofOf({ lease, activation, release, root, roots }: TrustedState): RuntimeProof {
  const isFor = {
    activation: activation?.envelope ?? null,
    sequence: activation?.value.sequence ?? 0,
    deploymentId: activation?.value.deploymentId ?? "",
    ...{ rootVersion: root.version, roots },
  };
  if (lease === null || lease.value.activation !== (activation?.digest ?? null)) {
    return { attestation: null, lease: null, issuedAt: null, ...isFor };
  }
  const told = { lease: lease.envelope, issuedAt: new Date(lease.value.issuedAt), ...isFor };
  if (activation === null) return { attestation: formatRenewal(lease.envelope), ...told };
  // A release is held for its floor too, when it is another activation's.
  const released = activation.value.release === release?.digest ? release.envelope : null;
  const envelopes = { lease: lease.envelope, activation: activation.envelope, release: released, proof: null };
  return { attestation: formatAttestation(envelopes), ...told };
}
