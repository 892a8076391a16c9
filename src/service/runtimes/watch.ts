import type { ActiveBundle } from "./active-bundles.js";
import { hasActivation, type Cursor } from "../access/cursor.js";
import type { Moment } from "../access/freshness.js";
import type { TrustRoot } from "../../core/trust/trust-root.js";
import type { Proof } from "../trust/proofs.js";

/** A request to watch the active bundle of an environment. */
export interface WatchRequest extends Cursor {
  /** The version of the root document that the runtime has; 0 when it wants none. */
  readonly rootVersion: number;
  /** Empty when the runtime does not name itself. */
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What the HTTP client calls itself. */
  readonly userAgent: string | null;
  readonly clientAddress: string;
  /** What budgets count it under: api/admission-address.ts. */
  readonly addressKey: string;
}

/**
 * One message of a watch. `sequence` and `deploymentId` are the cursor for the next watch; 0 and null while nothing is active. `proof` is what it
 * proves: null when none can be made, and in a heartbeat when the stream knows the lease.
 */
export type WatchEvent = { readonly sequence: number; readonly deploymentId: string | null } & (
  | { readonly kind: "activation"; readonly active: ActiveBundle; readonly proof: Proof | null }
  | { readonly kind: "nothing_active"; readonly proof: Proof | null }
  | ({ readonly kind: "heartbeat"; readonly proof: Proof | null } & Moment)
  | { readonly kind: "trust_root"; readonly root: TrustRoot; readonly proof: null }
);

/** The answer to a watch that begins. */
export function firstEvent(active: ActiveBundle | null, proof: Proof | null, cursor: Cursor, now: Moment): WatchEvent {
  if (active === null) return { kind: "nothing_active", sequence: 0, deploymentId: null, proof };
  const { sequence, id: deploymentId } = active.deployment;
  if (hasActivation(cursor, active.deployment)) return { kind: "heartbeat", sequence, deploymentId, proof, ...now };
  return activationEvent(active, proof);
}

/** What is active, as it is sent. */
export function activationEvent(active: ActiveBundle, proof: Proof | null): WatchEvent {
  const { sequence, id: deploymentId } = active.deployment;
  return { kind: "activation", sequence, deploymentId, active, proof };
}
