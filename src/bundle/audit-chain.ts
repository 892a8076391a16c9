import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js";
import { canonicalJson, type JsonObject } from "./canonical-json.js";

/** The signed fields of an audit event, by their names in the signed text. */
export interface SignedAuditEvent {
  readonly action: string;
  readonly actor: string | null;
  /** ISO 8601. */
  readonly created_at: string;
  readonly id: string | number;
  readonly metadata: JsonObject;
  readonly org_id: string;
  /** The signature of the event before it in the organization's chain; null for the first. */
  readonly prev_signature: string | null;
  readonly resource_id: string | null;
  readonly resource_type: string | null;
}

/** The newest event of an organization's chain. */
export interface AuditHead {
  readonly org_id: string;
  /** The number of events of the chain. */
  readonly number: number;
  /** The {@link auditEventHash} of the newest one. */
  readonly hash: string;
}

/** The prefix of audit messages only; an event continues with `{`, a head with a word. */
const PREFIX = "signet-audit-v1\0";

/** The signed message of an audit event: `signet-audit-v1`, NUL, canonical JSON of exactly the fields of the event. */
export function auditEventMessage(event: SignedAuditEvent): Uint8Array {
  // Field by field, because the caller's object may have more.
  const { action, actor, created_at, id, metadata, org_id, prev_signature, resource_id, resource_type } = event;
  const signed = { action, actor, created_at, id, metadata, org_id, prev_signature, resource_id, resource_type };
  return new TextEncoder().encode(PREFIX + canonicalJson(signed));
}

/** `sha256:` and the hex SHA-256 of an event's message and its 64 signature bytes. */
export function auditEventHash(event: SignedAuditEvent, signature: Uint8Array): string {
  return `sha256:${bytesToHex(sha256(concatBytes(auditEventMessage(event), signature)))}`;
}

/** The signed message of a chain's head: `signet-audit-v1`, NUL, `head`, NUL, canonical JSON of hash, number, org_id. */
export function auditHeadMessage({ org_id, number, hash }: AuditHead): Uint8Array {
  return new TextEncoder().encode(`${PREFIX}head\0${canonicalJson({ hash, number, org_id })}`);
}
