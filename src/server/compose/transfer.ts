import type { Documents } from "../../service/documents/documents.js";
import { Exporting, type ServerName } from "../../service/transfer/exporting.js";
import { Importing } from "../../service/transfer/importing.js";
import { Origins } from "../../service/transfer/origins.js";
import { TrustedOrigins } from "../../service/transfer/trusted-origins.js";
import type { AuditServices } from "./audit.js";
import type { BundleServices } from "./bundles.js";
import type { ChangeServices } from "./changes.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";
import type { RootServices } from "./roots.js";

/** The transfer of bundles between servers. */
export interface TransferServices {
  readonly exporting: Exporting;
  readonly importing: Importing;
  readonly origins: Origins;
  readonly trustedOrigins: TrustedOrigins;
}

/** Composes exports and imports, which publish through the writer of bundles. */
export function composeTransfer(
  { store, clock }: ServiceContext,
  services: KeyServices & AuditServices & ChangeServices & BundleServices & RootServices,
  { documents, server }: { readonly documents: Documents; readonly server: ServerName },
): TransferServices {
  const { ring, signers, audit, wakeups, outbox, verifier, writer, policySchemas, releaseRules } = services;
  return {
    exporting: new Exporting({ store, verifier, ring, signers, server }),
    importing: new Importing({
      store,
      clock,
      documents,
      schemas: policySchemas,
      releaseRules,
      writer,
      wakeups,
      outbox,
    }),
    origins: new Origins({ store }),
    trustedOrigins: new TrustedOrigins({ store, clock, audit }),
  };
}
