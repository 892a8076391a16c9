import { notFound } from "../../core/error.js";
import { ActivationProofs } from "../../service/trust/activation-proofs.js";
import { LogProofs } from "../../service/trust/log-proofs.js";
import { KeptAttestations, type DigestsOf } from "../../service/trust/kept-attestations.js";
import type { AuditServices } from "./audit.js";
import type { BundleServices } from "./bundles.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { RootServices } from "./roots.js";
import type { TokenServices } from "./tokens.js";
import type { TrustServices } from "./trust.js";

/** What proves to runtimes that what they get is what is active. */
export interface ProofServices {
  readonly attestations: KeptAttestations;
  readonly proofs: ActivationProofs;
  readonly logProofs: LogProofs;
}

/** Composes attestations and leases; a lease lives for `leaseSeconds`. */
export function composeProofs(
  { store, clock, warnings }: ServiceContext,
  {
    audit,
    auditLog,
    attester,
    rootDocuments,
    releaseRules,
    verifier,
    freshness,
    wakeups,
  }: AuditServices & TrustServices & RootServices & BundleServices & TokenServices & ChangeServices,
  leaseSeconds: number,
): ProofServices {
  const digestsOf: DigestsOf = async (bundle) => {
    const { read } = store;
    const [content, environment] = await Promise.all([
      read.content(bundle.contentId),
      read.environmentById(bundle.environmentId),
    ]);
    if (content === null || environment === null) throw notFound("bundle of the activation");
    return await verifier.require(bundle, content, environment);
  };
  const attestations = new KeptAttestations({ store, clock, audit, attester, releaseRules, digestsOf });
  const options = { store, clock, attester, attestations, rootDocuments, freshness, warnings, leaseSeconds };
  return {
    attestations,
    proofs: new ActivationProofs(options, wakeups),
    logProofs: new LogProofs({ attestations, auditLog }),
  };
}
