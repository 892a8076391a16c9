import { formatAttestation, parseAttestation } from "../../bundle/trust/attestation.js";
import type { Deployment } from "../../core/bundle.js";
import { AppError } from "../../core/error.js";
import type { AuditLog } from "../audit/log/audit-log.js";
import type { KeptAttestations } from "./kept-attestations.js";

/** Proofs that activations are in the audit's log, beside their attestations. */
export class LogProofs {
  constructor(
    private readonly deps: {
      readonly attestations: Pick<KeptAttestations, "of">;
      readonly auditLog: Pick<AuditLog, "proofOf">;
    },
  ) {}

  /**
   * The text of an activation's attestation with the proof that the activation is in the log; as it is while none can be made: the log of
   * a long chain is still being made, or the audit is damaged.
   */
  async addTo(attestation: string, deployment: Deployment): Promise<string> {
    const { attestations, auditLog } = this.deps;
    try {
      const { digest } = await attestations.of(deployment);
      const proof = await auditLog.proofOf(deployment.orgId, digest);
      return formatAttestation({ ...parseAttestation(attestation), proof });
    } catch (thrown) {
      if (thrown instanceof AppError && ["unavailable", "data_loss"].includes(thrown.code)) return attestation;
      throw thrown;
    }
  }
}
