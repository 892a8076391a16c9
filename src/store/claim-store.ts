import type { Instant } from "../core/clock.js";
import type { Webhook } from "../core/webhook.js";

/**
 * A node's claim of work that one node at a time does. It ends by the clocks of the nodes, which are compared: `at` is the claimer's time,
 * `until` the end. A claim that ends more than a minute after `until` proves a wrong clock, and counts as none.
 */
export interface Claim {
  readonly nodeId: string;
  readonly at: Instant;
  readonly until: Instant;
}

/** Reads of who does what. */
export interface ClaimReader {
  /**
   * Of some organizations, or of all: active webhooks that have a pending delivery or are catching up, and that nobody but the claimant
   * has a live claim of. Deliveries are found by an index.
   */
  webhooksToClaim(claim: Claim, orgIds: readonly string[] | null): Promise<readonly Pick<Webhook, "id" | "orgId">[]>;
  /** When a job is to run next; null before its first run. */
  jobDueAt(name: string): Promise<Instant | null>;
}

/** Claims, in the transaction that decides who has them. */
export interface ClaimWriter extends ClaimReader {
  /** Claims active webhooks, or renews the claims of them, but for those of which another node has a live claim; returns what is claimed. */
  claimWebhooks(ids: readonly string[], claim: Claim): Promise<ReadonlySet<string>>;
  /** Gives up all claims of webhooks of a node. */
  releaseWebhooks(nodeId: string): Promise<void>;
  /** Claims a job that is due at `claim.at`; false when it is not, or another node has a live claim of it. */
  claimJob(name: string, claim: Claim): Promise<boolean>;
  /** Ends a node's claim of a job, which is due next at an instant; nothing when another node has claimed it meanwhile. */
  endJob(name: string, nodeId: string, dueAt: Instant): Promise<void>;
}
