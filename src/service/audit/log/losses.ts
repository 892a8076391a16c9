import { randomBytes } from "node:crypto";
import { LOG_ID } from "../../../bundle/log/origin.js";
import type { Metadata } from "../../../core/audit.js";
import type { Store } from "../../../store/store.js";
import type { Audit } from "../audit.js";

/** The metadata of an event after which the log goes on under another origin: see bundle/log/origin.ts. */
export function newLog(): Metadata {
  return { [LOG_ID]: randomBytes(8).toString("hex") };
}

/**
 * Records that the database lacks events of an organization which this process gave a checkpoint of: `toldSize` of them, where it has
 * `size`, or others of the same numbers. Does nothing when somebody recorded an event meanwhile: the caller looks again.
 */
export async function recordLoss(
  { store, audit }: { readonly store: Pick<Store, "write">; readonly audit: Audit },
  orgId: string,
  { toldSize, size }: { readonly toldSize: number; readonly size: number },
): Promise<void> {
  await store.write(async (tx) => {
    if (((await tx.auditHead(orgId))?.id ?? 0) !== size) return;
    await audit.record(tx, orgId, "system", {
      ...{ action: "audit.history_lost", resourceType: "organization", resourceId: orgId },
      metadata: { told_size: toldSize, size, ...newLog() },
    });
  });
}
