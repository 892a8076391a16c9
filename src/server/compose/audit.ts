import { createAudit, type Audit } from "../../service/audit/audit.js";
import { AuditLog } from "../../service/audit/log/audit-log.js";
import { AuditTrees } from "../../service/audit/log/audit-trees.js";
import { recordLoss } from "../../service/audit/log/losses.js";
import { TileJobs } from "../../service/audit/log/tile-jobs.js";
import { Refusals } from "../../service/audit/refusals.js";
import type { ServiceContext } from "./context.js";
import type { KeyServices } from "./keys.js";

/** The signed record of changes, and of refused attempts. */
export interface AuditServices {
  readonly audit: Audit;
  readonly auditLog: AuditLog;
  readonly auditTiles: TileJobs;
  readonly refusals: Refusals;
}

/** Composes the audit on the keys that sign it, and the log over it. */
export function composeAudit(
  { store, clock, signingKeys, warnings }: ServiceContext,
  { ring }: KeyServices,
): AuditServices {
  const signer = signingKeys.audit;
  const audit: Audit = createAudit({
    ...{ store, clock, signer, ring },
    onRecorded: (orgId, eventId) => auditTiles.recorded(orgId, eventId),
  });
  const trees = new AuditTrees({
    store,
    onProgress: (progress) => warnings.auditTiles(progress),
    async onLost(orgId, lost) {
      await recordLoss({ store, audit }, orgId, lost);
      warnings.auditLost(orgId, lost.toldSize);
    },
  });
  const auditTiles = new TileJobs({ store, trees });
  const auditLog = new AuditLog({ store, trees, signer, ring });
  return { audit, auditLog, auditTiles, refusals: new Refusals({ store, audit, clock }) };
}
