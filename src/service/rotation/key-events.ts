import type { Audit } from "../audit/audit.js";
import type { RecordKeyEvent } from "../keys/key-records.js";

/** Records what a start finds of changed keys in the audit of the operator's organization; nothing before there is one. */
export function keyEventRecorder(audit: Audit): RecordKeyEvent {
  return async (tx, event) => {
    const operator = await tx.operatorOrganization();
    if (operator === null) return;
    const { type, purpose } = event;
    const [keyId, facts] = type === "changed" ? [event.to, { from: event.from }] : [event.keyId, {}];
    await audit.record(tx, operator.id, "system", {
      action: `key.${type}`,
      resourceType: "key",
      resourceId: keyId,
      metadata: { purpose, ...facts },
    });
  };
}
