import { createHash } from "node:crypto";
import { auditEventMessage, auditHeadMessage } from "../../bundle/audit-chain.js";
import { encodeBase64 } from "../../bundle/base64.js";
import type { Signer } from "../../bundle/signer.js";
import { performedBy, type Actor, type TokenIdentity } from "../../core/actor.js";
import type { AuditEvent, Metadata } from "../../core/audit.js";
import { addSeconds, instantOf, type Clock, type Instant } from "../../core/clock.js";
import { AppError } from "../../core/error.js";
import type { Principal } from "../../core/token.js";
import type { Listed } from "../../store/page.js";
import type { AuditFilter, Store, Writer } from "../../store/store.js";
import { actorMetadata, hashOf, signedForm } from "./audit-form.js";
import type { KeyRing } from "../keys/key-ring.js";
import { verifyChain, wronglySigned, type ChainReport } from "./audit-verify.js";

/** An event before it is numbered and signed. */
export interface AuditEntry {
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly metadata?: Metadata;
}

/** Who an event is recorded for: a token with the source of its request, the server, or an offline command. */
export type AuditCaller = (TokenIdentity & Pick<Principal, "source">) | "system" | "operator";

/** The signed number and hash of the newest event, for keeping elsewhere. */
export interface AuditHead {
  readonly orgId: string;
  readonly number: number;
  readonly hash: string;
  readonly signature: string;
  readonly keyId: string;
  readonly at: Instant;
}

/** The record of every state change. */
export interface Audit {
  /** Appends an event in the transaction of what it records. */
  record(tx: Writer, orgId: string, caller: AuditCaller, entry: AuditEntry): Promise<void>;
  /** Events by filter; newest first, with `after` oldest first. */
  list(filter: AuditFilter): Promise<Listed<AuditEvent>>;
  /** The metadata of the first such event, if a trusted key signed it; else null. */
  recorded(orgId: string, event: { readonly action: string; readonly resourceId: string }): Promise<Metadata | null>;
  /** Throws `data_loss` if no trusted key signed the newest event: a valid head must not endorse it. */
  head(orgId: string): Promise<AuditHead>;
  /**
   * Verifies the newest `limit` events (default: all), or the first `limit` above the number `from`, and that the event of a kept head
   * still exists unchanged.
   */
  verify(orgId: string, limit?: number, kept?: { number: number; hash: string }, from?: number): Promise<ChainReport>;
}

/** What the audit works with. */
export interface AuditDeps {
  readonly store: Pick<Store, "read">;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly ring: KeyRing;
  /** Told of each event in its transaction, which may still fail. Must not throw or wait. */
  readonly onRecorded?: (orgId: string, eventId: number) => void;
}

/** The audit log on a store, signed by `signer`. */
export function createAudit({ store, clock, signer, ring, onRecorded = () => undefined }: AuditDeps): Audit {
  return {
    async record(tx, orgId, caller, entry) {
      const last = await tx.auditHead(orgId);
      const { source } = typeof caller === "string" ? {} : caller;
      const actor = performedBy(caller);
      const unsigned = {
        orgId,
        id: (last?.id ?? 0) + 1,
        actor: actor.prefix,
        action: entry.action,
        resourceType: entry.resourceType,
        resourceId: entry.resourceId,
        metadata: { ...entry.metadata, ...actorMetadata(actor), ...(source === undefined ? {} : { source }) },
        createdAt: timeAfter(last, instantOf(clock.now())),
        prevSignature: last?.signature ?? "",
      };
      const signature = encodeBase64(await signer.sign(auditEventMessage(signedForm(unsigned))));
      await tx.insertAuditEvent({ ...unsigned, signature, keyId: signer.keyId });
      onRecorded(orgId, unsigned.id);
    },

    list: (filter) => store.read.auditEvents(filter),

    async recorded(orgId, event) {
      const { rows } = await store.read.auditEvents({ orgId, ...event, after: 0, limit: 1 });
      const [first] = rows;
      if (first === undefined) return null;
      return (await wronglySigned(first, (await ring.sorted("audit")).trusted)) === null ? first.metadata : null;
    },

    async head(orgId) {
      const last = await store.read.auditHead(orgId);
      if (last !== null) await requireGood(ring, last);
      const number = last?.id ?? 0;
      const hash = last === null ? emptyHash() : hashOf(last);
      const signature = encodeBase64(await signer.sign(auditHeadMessage({ org_id: orgId, number, hash })));
      return { orgId, number, hash, signature, keyId: signer.keyId, at: instantOf(clock.now()) };
    },

    verify: (orgId, limit, kept, from) => verifyChain(store.read, ring, orgId, limit, kept, from),
  };
}

async function requireGood(ring: KeyRing, event: AuditEvent): Promise<void> {
  const wrong = await wronglySigned(event, (await ring.sorted("audit")).trusted);
  if (wrong !== null)
    throw new AppError("data_loss", `the newest event of the audit, ${event.id}, is broken: ${wrong}`);
}

/** Clocks are corrected by seconds; a larger step back fixes a wrong clock, whose true time counts from then on. */
const MAX_HELD_SECONDS = 3600;

/** Not before the previous event, so that times increase along the chain: searches by time rely on it. */
function timeAfter(last: AuditEvent | null, now: Instant): Instant {
  if (last === null || last.createdAt <= now) return now;
  return last.createdAt <= addSeconds(now, MAX_HELD_SECONDS) ? last.createdAt : now;
}

/** The actor of a principal in audit events: its token's prefix. */
export function actorOf(principal: Principal): string {
  return principal.keyPrefix;
}

/** The fields of a webhook event that say who acted. */
export function actorData(principal: Principal): { readonly actor: string; readonly performed_by: Actor } {
  return { actor: actorOf(principal), performed_by: performedBy(principal) };
}

/** The reason of a change, for its events in audit and webhooks: nothing when none was given. */
export function reasonOf(reason: string | null): { readonly reason?: string } {
  return reason === null ? {} : { reason };
}

/** The hash of a chain without events. */
export function emptyHash(): string {
  return `sha256:${createHash("sha256").update("").digest("hex")}`;
}
