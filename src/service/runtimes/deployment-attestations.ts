import { formatAttestation } from "../../bundle/trust/attestation.js";
import type { Deployment } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Store } from "../../store/store.js";
import type { Bundles } from "../bundles/bundles.js";
import type { KeptAttestations } from "../trust/kept-attestations.js";
import type { LogProofs } from "../trust/log-proofs.js";
import type { Proofs } from "../trust/proofs.js";
import { proofOf } from "./proof-of.js";

/** The signed statements of single activations, also of those that are over. */
export class DeploymentAttestations {
  constructor(
    private readonly deps: {
      readonly store: Pick<Store, "read">;
      readonly bundles: Pick<Bundles, "deployment">;
      readonly attestations: Pick<KeptAttestations, "of">;
      readonly proofs: Proofs;
      readonly logProofs: LogProofs;
    },
  ) {}

  /**
   * JSON text as Proof.attestation: with a lease while the activation is the active one, else with null. Null when none can be made. Throws
   * `not_found` for an activation that is not there for this token, and for one whose bundle was deleted before it was attested.
   *
   * @param isLogged adds the proof that the activation is in the audit's log
   */
  async of(principal: Principal, deploymentId: string, isLogged: boolean): Promise<string | null> {
    const deployment = await this.deps.bundles.deployment(principal, deploymentId);
    const attestation = await this.#of(deployment);
    return attestation === null || !isLogged ? attestation : await this.deps.logProofs.addTo(attestation, deployment);
  }

  async #of(deployment: Deployment): Promise<string | null> {
    const { store, attestations, proofs } = this.deps;
    const { projectId, environmentId } = deployment;
    const environment = await store.read.environmentById(environmentId);
    if (environment?.activeDeploymentId === deployment.id) {
      const proof = await proofOf(proofs, environmentId, deployment);
      if (proof !== null) return proof.attestation;
    }
    try {
      const { envelope, releaseDigest } = await attestations.of(deployment);
      const release = releaseDigest === null ? null : await store.read.release(projectId, releaseDigest);
      return formatAttestation({ lease: null, activation: envelope, release: release?.envelope ?? null, proof: null });
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === "signing_failed") return null;
      throw thrown;
    }
  }
}
