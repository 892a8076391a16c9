import type { AuditEvent } from "../core/audit.js";

/** 256 consecutive leaves of the tree over an organization's audit events: those of event `number` · 256 + 1 and on. */
export interface AuditTile {
  readonly orgId: string;
  readonly number: number;
  /** The leaves' hashes, one after another: base64 of 256 · 32 bytes. */
  readonly hashes: string;
  /** The last event, up to the end of the tile, from which on the log has an origin of its own (bundle/log/leaf.ts); 0 for none. */
  readonly logEvent: number;
}

/** The hash of a complete subtree of 2^`level` leaves, for levels from 8 on: the tile `number` is the subtree `number` of level 8. */
export interface AuditNode {
  readonly orgId: string;
  readonly level: number;
  readonly number: number;
  /** Base64. */
  readonly hash: string;
}

/** The event that made an activation. */
export interface AuditActivation {
  readonly orgId: string;
  /** The hex SHA-256 of the activation's payload. */
  readonly activation: string;
  readonly eventId: number;
}

/** Look-ups of the tree; null for what is not there. */
export interface AuditLogReader {
  /** The events above a number, at most `limit`, oldest first. */
  auditEventsFrom(orgId: string, after: number, limit: number): Promise<readonly AuditEvent[]>;
  /** How many tiles an organization has, and the `logEvent` of the last one. */
  auditTiles(orgId: string): Promise<{ readonly count: number; readonly logEvent: number }>;
  auditTile(orgId: string, number: number): Promise<AuditTile | null>;
  /** The hashes of subtrees of one level or several, as they are asked for; null for one that is not kept. At most 100. */
  auditNodes(
    orgId: string,
    subtrees: readonly { readonly level: number; readonly number: number }[],
  ): Promise<readonly (string | null)[]>;
  /** The number of the event that made an activation; null if it is not in a tile. */
  eventOfActivation(orgId: string, activation: string): Promise<number | null>;
}

/** Changes of the tree. */
export interface AuditLogWriter {
  /** Adds the next tile, with the nodes that it completes and the activations of its events. What is there already stays. */
  insertAuditTile(tile: AuditTile, nodes: readonly AuditNode[], activations: readonly AuditActivation[]): Promise<void>;
}
