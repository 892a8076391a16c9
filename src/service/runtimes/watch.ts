import type { ActiveBundle } from "./active-bundles.js";
import { hasActivation, type Cursor } from "../access/cursor.js";
import type { Moment } from "../access/freshness.js";

/** A request to watch the active bundle of an environment. */
export interface WatchRequest extends Cursor {
  /** Empty when the runtime does not name itself. */
  readonly instanceId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What the HTTP client calls itself. */
  readonly userAgent: string | null;
  readonly clientAddress: string;
  /** What budgets count it under: api/admission-address.ts. */
  readonly addressKey: string;
}

/** One message of a watch. `sequence` and `deploymentId` are the cursor for the next watch; 0 and null while nothing is active. */
export type WatchEvent = { readonly sequence: number; readonly deploymentId: string | null } & (
  | { readonly kind: "activation"; readonly active: ActiveBundle }
  | { readonly kind: "nothing_active" }
  | ({ readonly kind: "heartbeat" } & Moment)
);

/** The answer to a watch that begins. */
export function firstEvent(active: ActiveBundle | null, cursor: Cursor, now: Moment): WatchEvent {
  if (active === null) return { kind: "nothing_active", sequence: 0, deploymentId: null };
  const { sequence, id: deploymentId } = active.deployment;
  if (hasActivation(cursor, active.deployment)) return { kind: "heartbeat", sequence, deploymentId, ...now };
  return activationEvent(active);
}

/** What is active, as it is sent. */
export function activationEvent(active: ActiveBundle): WatchEvent {
  const { sequence, id: deploymentId } = active.deployment;
  return { kind: "activation", sequence, deploymentId, active };
}
