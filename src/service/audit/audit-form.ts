import { auditEventHash, type SignedAuditEvent } from "../../bundle/audit-chain.js";
import { decodeBase64 } from "../../bundle/base64.js";
import type { Actor, ActorKind } from "../../core/actor.js";
import type { AuditEvent, Metadata } from "../../core/audit.js";

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

/** The actor in the metadata, where it is signed; its prefix is the event's own `actor`. */
export function actorMetadata({ id, name, kind }: Actor): Metadata {
  return {
    ...(id === null ? {} : { actor_id: id }),
    ...(name === null ? {} : { actor_name: name }),
    actor_kind: kind,
  };
}

/** The actor of an event, from its metadata; null for events of releases that did not sign it. */
export function actorOfEvent({ actor, metadata }: Pick<AuditEvent, "actor" | "metadata">): Actor | null {
  const { actor_id: id, actor_name: name, actor_kind: kind } = metadata;
  if (typeof kind !== "string") return null;
  return {
    id: typeof id === "number" ? id : null,
    name: typeof name === "string" ? name : null,
    prefix: actor,
    kind: kind as ActorKind,
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
