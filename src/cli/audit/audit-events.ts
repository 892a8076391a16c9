import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { auditEventHash, auditEventMessage, type SignedAuditEvent } from "../../bundle/audit-chain.js";
import { decodeBase64 } from "../../bundle/base64.js";
import type { JsonObject } from "../../bundle/canonical-json.js";
import { formatPublicKey } from "../../bundle/keys.js";
import { timestampDate, type AuditEvent, type PublicKey } from "../../sdk/index.js";

/** The first event that is wrong or missing, and the reason. */
export interface BrokenEvent {
  readonly id: number;
  readonly reason: string;
}

/**
 * Checks an organization's events on the client, oldest first, with pinned keys: numbers without gaps, links, signatures. Trusts
 * nothing that the server says about them.
 */
export class EventChecker {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  #previous: AuditEvent | undefined;

  constructor(
    private readonly orgId: string,
    keys: readonly PublicKey[],
    /** The number before the first event; the first event's link is trusted unless this is 0. */
    private readonly after: number,
  ) {
    this.#keys = new Map(keys.map(({ keyId, bytes }) => [keyId, createPublicKey(formatPublicKey(bytes))]));
  }

  /** The flaw of the next event; null when there is none. */
  next(event: AuditEvent): BrokenEvent | null {
    const expected = (this.#previous?.id ?? this.after) + 1;
    const reason = this.#brokenBecause(event, expected);
    this.#previous = event;
    return reason === null ? null : { id: Math.min(event.id, expected), reason };
  }

  /** The hash of an event as a kept head names it. */
  hashOf(event: AuditEvent): string {
    return auditEventHash(this.#signedForm(event), decodeBase64(event.signature) ?? new Uint8Array());
  }

  #brokenBecause(event: AuditEvent, expected: number): string | null {
    if (event.id !== expected) return `event ${expected} is missing`;
    const before = this.#previous?.signature ?? (this.after === 0 ? "" : event.prevSignature);
    if (event.prevSignature !== before) return "it does not name the signature of the event before it";
    const key = this.#keys.get(event.keyId);
    if (key === undefined) return `its key ${event.keyId} is not among --keys`;
    const signature = decodeBase64(event.signature);
    const isValid = signature !== undefined && verify(null, auditEventMessage(this.#signedForm(event)), key, signature);
    return isValid ? null : "its signature does not verify";
  }

  #signedForm({ id, actor, action, resourceType, resourceId, metadata, createdAt, prevSignature }: AuditEvent) {
    const signed: SignedAuditEvent = {
      ...{ id, actor, action },
      created_at: createdAt === undefined ? "" : timestampDate(createdAt).toISOString(),
      metadata: JSON.parse(metadata) as JsonObject,
      org_id: this.orgId,
      prev_signature: prevSignature,
      resource_id: resourceId,
      resource_type: resourceType,
    };
    return signed;
  }
}
