import { parsePublicKey, type PublicKey } from "../../bundle/keys.js";
import { ReleaseRules } from "../../service/trust/release-rules.js";
import { ReleaseSigners } from "../../service/trust/release-signers.js";
import { Releases } from "../../service/trust/releases.js";
import { RootDocuments } from "../../service/trust/root-documents.js";
import { Roots } from "../../service/trust/roots.js";
import { TrustOverview } from "../../service/trust/trust-overview.js";
import type { AuditServices } from "./audit.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";

/** Roots and releases. */
export interface RootServices {
  readonly rootDocuments: RootDocuments;
  readonly releaseRules: ReleaseRules;
  readonly roots: Roots;
  readonly releases: Releases;
}

/** Composes what runtimes can prove whoever runs the server. */
export function composeRoots(
  { store, clock, signingKeys }: ServiceContext,
  { audit, outbox, wakeups }: AuditServices & ChangeServices,
): RootServices {
  // Read each time: another node may have rotated it.
  const serverKeys = (): readonly PublicKey[] => [parsePublicKey(signingKeys.attestation.publicKeyPem)];
  const documents = new RootDocuments();
  const signers = new ReleaseSigners();
  const releaseRules = new ReleaseRules({ clock, documents, signers });
  const overview = new TrustOverview({ clock, signers, releaseRules, serverKeys });
  return {
    rootDocuments: documents,
    releaseRules,
    roots: new Roots({ store, clock, audit, outbox, wakeups, documents, overview, serverKeys }),
    releases: new Releases({ store, clock, audit, documents, signers }),
  };
}
