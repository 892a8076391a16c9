import { ACTIVATION_DIGEST } from "../../bundle/log/leaf.js";
import { instantOf, type Clock } from "../../core/clock.js";
import type { Bundle, Deployment } from "../../core/bundle.js";
import { notFound } from "../../core/error.js";
import type { ActivationAttestation } from "../../core/trust/activation-attestation.js";
import type { Store } from "../../store/store.js";
import type { Audit } from "../audit/audit.js";
import type { DocumentDigests } from "../documents/kept-document.js";
import type { Attester } from "./attester.js";
import type { ReleaseRules } from "./release-rules.js";

/** What is attested of a kept bundle, verified. Throws `data_loss` for one that is not what was signed. */
export type DigestsOf = (bundle: Bundle) => Promise<DocumentDigests>;

/** The attestations of activations, as they are served: made when first asked for where there is none, and signed by the current key. */
export class KeptAttestations {
  constructor(
    private readonly deps: {
      readonly store: Store;
      readonly clock: Clock;
      readonly audit: Audit;
      readonly attester: Attester;
      readonly releaseRules: Pick<ReleaseRules, "named">;
      readonly digestsOf: DigestsOf;
    },
  ) {}

  /**
   * The attestation of an activation. One that has none gets it in a transaction of its own: of those that do so at once, here and on other
   * nodes, the first one's is kept, and all get that. The same for a signature by the current key. Throws `not_found` when the bundle or the
   * deployment was deleted, and `signing_failed`.
   */
  async of(deployment: Deployment): Promise<ActivationAttestation> {
    const kept = await this.deps.store.read.activationAttestation(deployment.id);
    return await this.#countersigned(kept ?? (await this.#attest(deployment)));
  }

  async #attest(deployment: Deployment): Promise<ActivationAttestation> {
    const { store, clock, audit, attester, releaseRules, digestsOf } = this.deps;
    const bundle = await store.read.bundleById(deployment.bundleId);
    if (bundle === null) throw notFound("bundle of the activation");
    const digests = await digestsOf(bundle);
    return await store.write(async (tx) => {
      const [there, previous, first] = await Promise.all([
        tx.deployment(deployment.orgId, deployment.id),
        tx.attestationBefore(deployment.environmentId, deployment.sequence),
        tx.activationAttestation(deployment.id),
      ]);
      if (there === null) throw notFound("deployment", deployment.id);
      if (first !== null) return first;
      const release = await releaseRules.named(tx, deployment, previous?.releaseDigest ?? null);
      const facts = { release, previous: previous?.digest ?? null, attestedAt: instantOf(clock.now()) };
      const attestation = await attester.attest(deployment, digests, facts);
      await tx.insertActivationAttestation(attestation);
      const { projectId, environment, sequence } = deployment;
      await audit.record(tx, deployment.orgId, "system", {
        ...{ action: "activation.attested", resourceType: "deployment", resourceId: deployment.id },
        metadata: { project_id: projectId, environment, sequence, [ACTIVATION_DIGEST]: attestation.digest },
      });
      return attestation;
    });
  }

  async #countersigned(kept: ActivationAttestation): Promise<ActivationAttestation> {
    const { store, attester } = this.deps;
    if (attester.hasSigned(kept.envelope)) return kept;
    return await store.write(async (tx) => {
      const now = await tx.activationAttestation(kept.deploymentId);
      if (now === null) throw notFound("deployment", kept.deploymentId);
      if (attester.hasSigned(now.envelope)) return now;
      const signed = { ...now, envelope: await attester.countersign(now.envelope), keyId: attester.keyId };
      await tx.updateActivationAttestation(signed);
      return signed;
    });
  }
}
