import { createHash } from "node:crypto";
import { activationOf, leafData } from "../../../bundle/log/leaf.js";
import type { Hash } from "../../../bundle/log/merkle.js";
import type { AuditEvent } from "../../../core/audit.js";
import { hashOf } from "../audit-form.js";

/** An event as a leaf of its organization's log. */
export interface EventLeaf {
  readonly hash: Hash;
  /** The activation that it made; null for none. */
  readonly activation: string | null;
}

const LEAF = Uint8Array.of(0);

/** The leaf of an event. The hash is that of bundle/log/merkle.ts, by Node. */
export function leafOfEvent(event: AuditEvent): EventLeaf {
  const activation = activationOf(event.metadata);
  const data = leafData(hashOf(event), activation);
  return { hash: createHash("sha256").update(LEAF).update(data).digest(), activation };
}
