import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { auditEventHash, auditEventMessage, type SignedAuditEvent } from "../../../bundle/audit-chain.js";
import { decodeBase64 } from "../../../bundle/base64.js";
import type { JsonObject } from "../../../bundle/canonical-json.js";
import type { PublicKey } from "../../../bundle/keys.js";
import { activationOf, leafData } from "../../../bundle/log/leaf.js";
import { isSameHash, leafHash, type TreeHead } from "../../../bundle/log/merkle.js";
import { TreeBuilder } from "../../../bundle/log/tree-builder.js";
import type { Verifier } from "../../../bundle/signer.js";
import { isoOfTimestamp } from "../../data/timestamps.js";

/** What is read of an event to check it. */
export interface ChainEvent {
  readonly id: number;
  readonly actor: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  /** JSON. */
  readonly metadata: string;
  readonly signature: string;
  readonly prevSignature: string;
  readonly createdAt?: Timestamp | undefined;
  readonly keyId: string;
}

/** The first event that is wrong or missing, and why. */
export interface BrokenEvent {
  readonly id: number;
  readonly reason: string;
}

/** How far a check has come, or how it ended. */
export interface ChainReport {
  readonly checked: number;
  readonly broken: BrokenEvent | null;
  /** Whether the tree over the events is that of the checkpoint; undefined without one, or when the check did not come so far. */
  readonly isLogOfCheckpoint?: boolean;
}

/** What a check works with. */
export interface ChainCheck {
  readonly orgId: string;
  /** The events above a number, oldest first; none at the end. */
  readonly read: (after: number, signal: AbortSignal) => Promise<readonly ChainEvent[]>;
  /** By key id: the keys whose signatures count. */
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly verifier: Verifier;
  /** The number of the newest event that there must be. */
  readonly newest: number;
  /** The head of the log that the events must be. */
  readonly checkpoint: TreeHead | null;
  /** Told after every slice. */
  readonly onProgress: (checked: number) => void;
  /** Lets the browser do other work; called between slices. */
  readonly pause: () => Promise<void>;
  readonly now: () => number;
}

/** Signatures that are verified at once: a browser's own cryptography works on them in other threads. */
const AT_ONCE = 32;
/** So long one slice takes the page's thread at most, but for one group of signatures; in milliseconds. */
const SLICE_MS = 12;

/** The signed text's fields of an event. */
export function signedForm(orgId: string, event: ChainEvent): SignedAuditEvent {
  const { id, actor, action, resourceType, resourceId, metadata, createdAt, prevSignature } = event;
  return {
    ...{ id, actor, action },
    created_at: isoOfTimestamp(createdAt),
    metadata: JSON.parse(metadata) as JsonObject,
    org_id: orgId,
    prev_signature: prevSignature,
    resource_id: resourceId,
    resource_type: resourceType,
  };
}

/**
 * Checks a whole chain, oldest first: numbers without gaps, links, signatures, that nothing is missing at its end, and that the tree over
 * the events has the checkpoint's root. Works in slices, and holds a page of events at a time. Throws what `read` throws, and the
 * signal's reason when it aborts.
 */
export async function checkChain(check: ChainCheck, signal: AbortSignal): Promise<ChainReport> {
  const { orgId, checkpoint, newest } = check;
  const tree = new TreeBuilder();
  let previous: ChainEvent | undefined;
  let checked = 0;
  let isLogOfCheckpoint: boolean | undefined =
    checkpoint?.size === 0 ? isSameHash(tree.root(), checkpoint.root) : undefined;
  const report = (broken: BrokenEvent | null): ChainReport => ({
    ...{ checked, broken },
    ...(isLogOfCheckpoint !== undefined && { isLogOfCheckpoint }),
  });
  let sliceEndMs = check.now() + SLICE_MS;
  for (;;) {
    const page = await check.read(checked, signal);
    for (let from = 0; from < page.length; from += AT_ONCE) {
      signal.throwIfAborted();
      const group = page.slice(from, from + AT_ONCE);
      const flaws = await Promise.all(group.map((event) => signatureFlaw(check, event)));
      for (const [index, event] of group.entries()) {
        const reason = orderFlaw(event, previous, checked + 1) ?? flaws[index] ?? null;
        if (reason !== null) return report({ id: Math.min(event.id, checked + 1), reason });
        previous = event;
        checked += 1;
        const hash = auditEventHash(signedForm(orgId, event), decodeBase64(event.signature) ?? new Uint8Array());
        const metadata = JSON.parse(event.metadata) as Readonly<Record<string, unknown>>;
        tree.add(leafHash(leafData(hash, activationOf(metadata))));
        if (tree.size === checkpoint?.size) isLogOfCheckpoint = isSameHash(tree.root(), checkpoint.root);
      }
      if (check.now() < sliceEndMs) continue;
      check.onProgress(checked);
      await check.pause();
      sliceEndMs = check.now() + SLICE_MS;
    }
    if (page.length === 0) break;
  }
  const end = Math.max(newest, checkpoint?.size ?? 0);
  if (checked < end) return report({ id: checked + 1, reason: `event ${checked + 1} is missing` });
  return report(null);
}

function orderFlaw(event: ChainEvent, previous: ChainEvent | undefined, expected: number): string | null {
  if (event.id !== expected) return `event ${expected} is missing`;
  if (event.prevSignature !== (previous?.signature ?? ""))
    return "it does not name the signature of the event before it";
  return null;
}

async function signatureFlaw({ orgId, keys, verifier }: ChainCheck, event: ChainEvent): Promise<string | null> {
  const key = keys.get(event.keyId);
  if (key === undefined) return `its key ${event.keyId} is not one of the keys of the audit`;
  const message = messageOf(orgId, event);
  if (message === null) return "its metadata is not JSON";
  const signature = decodeBase64(event.signature);
  const isGood = signature !== undefined && (await verifier.verify(key.bytes, message, signature));
  return isGood ? null : "its signature does not verify";
}

function messageOf(orgId: string, event: ChainEvent): Uint8Array | null {
  try {
    return auditEventMessage(signedForm(orgId, event));
  } catch {
    return null;
  }
}
