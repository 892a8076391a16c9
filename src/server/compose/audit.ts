import { createAudit, type Audit } from "../../service/audit/audit.js";
import { Refusals } from "../../service/audit/refusals.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";

/** The signed record of changes, and of refused attempts. */
export interface AuditServices {
  readonly audit: Audit;
  readonly refusals: Refusals;
}

/** Composes the audit on the keys that sign it. */
export function composeAudit({ store, clock, signingKeys }: ServiceContext, { ring }: KeyServices): AuditServices {
  const audit = createAudit({ store, clock, signer: signingKeys.audit, ring });
  return { audit, refusals: new Refusals({ store, audit, clock }) };
}
