import { ArtifactPromotions } from "../../service/bundles/artifact-promotion.js";
import { Artifacts } from "../../service/bundles/artifacts.js";
import { BundleVerifier } from "../../service/bundles/bundle-verifier.js";
import { BundleWriter } from "../../service/bundles/bundle-writer.js";
import { Bundles } from "../../service/bundles/bundles.js";
import { Comparing } from "../../service/bundles/comparing.js";
import { HistoryRepair } from "../../service/bundles/history-repair.js";
import { Holds } from "../../service/bundles/holds.js";
import { PolicySchemas } from "../../service/bundles/policy-schemas.js";
import { Previews } from "../../service/bundles/previews.js";
import { Pruning } from "../../service/bundles/pruning.js";
import { Publishing } from "../../service/bundles/publishing.js";
import type { Documents } from "../../service/documents/documents.js";
import type { AuditServices } from "./audit.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";
import type { RootServices } from "./roots.js";
import type { TrustServices } from "./trust.js";

/** Bundles from the draft to the removal of old versions. */
export interface BundleServices {
  readonly verifier: BundleVerifier;
  readonly writer: BundleWriter;
  /** Null where no other process writes. */
  readonly historyRepair: HistoryRepair | null;
  readonly holds: Holds;
  readonly bundles: Bundles;
  readonly comparing: Comparing;
  readonly previews: Previews;
  readonly policySchemas: PolicySchemas;
  readonly pruning: Pruning;
  readonly publishing: Publishing;
  readonly artifacts: Artifacts;
  readonly artifactPromotions: ArtifactPromotions;
}

/** Composes the life of a bundle; `documents` works on large ones. */
export function composeBundles(
  { store, feed, clock, observers, warnings }: ServiceContext,
  services: KeyServices & AuditServices & ChangeServices & RootServices & TrustServices,
  documents: Documents,
): BundleServices {
  const { ring, signers, audit, idempotency, wakeups, outbox, releases, releaseRules, trust } = services;
  const observer = observers.publishing;
  const verifier = new BundleVerifier({ ring, documents });
  const writer = new BundleWriter({ clock, store, signers, verifier, trust, audit, outbox, observer });
  const policySchemas = new PolicySchemas({ store, clock, audit, documents });
  const previews = new Previews({ store, documents });
  const holds = new Holds({ store, audit, outbox });
  const marks = feed?.marks ?? null;
  const historyRepair =
    marks === null ? null : new HistoryRepair({ store, clock, audit, outbox, wakeups, marks, warnings });
  const publication = { store, documents, policySchemas, writer, verifier, idempotency, wakeups, outbox };
  const activation = { store, clock, audit, idempotency, wakeups, outbox, documents, holds, verifier, trust };
  return {
    ...{ verifier, writer, historyRepair, holds, previews, policySchemas },
    bundles: new Bundles({ ...activation, previews }),
    comparing: new Comparing({ store, documents }),
    pruning: new Pruning({ store, clock, audit, outbox }),
    publishing: new Publishing({ ...publication, previews, releases, releaseRules, observer }),
    artifacts: new Artifacts({ store, clock, audit, idempotency, documents }),
    artifactPromotions: new ArtifactPromotions({ ...publication, clock, audit }),
  };
}
