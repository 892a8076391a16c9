import type { HighWaterMark, HighWaterMarks } from "./high-water-marks.js";

/**
 * What another node changed of that which nodes keep in memory. Ids alone: the follower reads the newest state.
 *
 * - `environment`: its active bundle or its settings changed, its numbers were raised, or it was deleted; with the numbers that it has
 *   then, where the change is one of its state; and with its organization, where that is known
 * - `project`: it was made, or got an environment; heard of within a second
 * - `token`: it was rotated, revoked or changed
 * - `tenancy`: an organization, project or environment was changed or deleted (with its environments and tokens); `of` is its id. An
 *   older release tells none
 * - `webhook`: it was made or changed, or has something to send again
 * - `delivery`: a webhook has new deliveries, or other states of them; heard of within a second
 * - `audit`: an organization has new audit events; heard of within a second
 * - `outbox`: there are new events to fan out
 * - `trust`: a project got another root
 * - `keys`: a signing or public key was added, activated or retired
 */
export type NodeChange =
  | { readonly kind: "environment"; readonly id: string; readonly orgId?: string; readonly numbers?: HighWaterMark }
  | { readonly kind: "project"; readonly orgId: string; readonly id: string }
  | { readonly kind: "token"; readonly id: number }
  | { readonly kind: "tenancy"; readonly of?: string }
  | { readonly kind: "webhook"; readonly orgId: string; readonly id: string }
  | { readonly kind: "delivery"; readonly webhookId: string }
  | { readonly kind: "audit"; readonly orgId: string }
  | { readonly kind: "outbox" }
  | { readonly kind: "trust"; readonly projectId: string }
  | { readonly kind: "keys" };

/** Is told of the changes of other nodes, after their commits and in their order. No method may throw. */
export interface ChangeFollower {
  changed(changes: readonly NodeChange[]): void;
  /** Changes may have been missed, or acknowledged ones were lost: everything that is kept in memory must be read again. */
  missed(): void;
}

/** How a node hears of the changes of the others. Only a database that several nodes share has one. */
export interface ChangeFeed {
  /** This process, as the rows that it claims and the log of changes name it. */
  readonly nodeId: string;
  /**
   * When the newest look into the database that succeeded was begun, in milliseconds of `performance.now()`; what was committed before it
   * was told. A node that has heard nothing for long does not know what is current.
   */
  readonly heardAtMs: number;
  /** The highest numbers that this process knows, so that it notices when the database has lost some. */
  readonly marks: HighWaterMarks;
  /** How often the connection was lost by which changes are heard of at once; without it the database is looked at more often. */
  readonly listenerLosses: number;
  /** Tells a follower until it is disposed of. */
  follow(follower: ChangeFollower): Disposable;
}
