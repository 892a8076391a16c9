import { auditEventHash, type SignedAuditEvent } from "../../bundle/audit-chain.js";
import { decodeBase64 } from "../../bundle/base64.js";
import type { AuditEvent } from "../../core/audit.js";

/** An event by the field names of the signed text. */
export function signedForm(event: Omit<AuditEvent, "signature" | "keyId">): SignedAuditEvent {
  return {
    action: event.action,
    actor: event.actor,
    created_at: event.createdAt,
    id: event.id,
    metadata: event.metadata,
    org_id: event.orgId,
    prev_signature: event.prevSignature,
    resource_id: event.resourceId,
    resource_type: event.resourceType,
  };
}

/** The bytes of the signature; empty for invalid base64, which no key verifies. */
export function signatureBytes(event: AuditEvent): Uint8Array {
  return decodeBase64(event.signature) ?? new Uint8Array();
}

/** The hash of an event with its signature, as in an audit head. */
export function hashOf(event: AuditEvent): string {
  return auditEventHash(signedForm(event), signatureBytes(event));
}
