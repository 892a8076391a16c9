import type { Instant } from "./clock.js";

/** A JSON value that an audit event or a log line may carry. */
export type Metadata = { readonly [key: string]: string | number | boolean | null | readonly string[] };

/** One audit event. `id` counts from 1 without gaps, for each organization. */
export interface AuditEvent {
  readonly orgId: string;
  readonly id: number;
  /** A token's prefix, `system`, or `operator` for an offline command. */
  readonly actor: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly metadata: Metadata;
  readonly createdAt: Instant;
  /** Base64, Ed25519. */
  readonly signature: string;
  /** The signature of the event before; empty for the first. */
  readonly prevSignature: string;
  readonly keyId: string;
}
