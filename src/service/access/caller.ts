import type { Principal } from "../../core/token.js";

/** The caller of a change, and its conditions. */
export interface ChangeRequest {
  readonly principal: Principal;
  /** The Idempotency-Key header, if any. */
  readonly idempotencyKey: string | null;
  /** The sequence of the If-Match header, if any. */
  readonly ifSequence: number | null;
  /** If-Unchanged: skip. Instead of a version with the content that is active, the active bundle is the answer. */
  readonly skipUnchanged: boolean;
  /** Checks everything, changes nothing, and answers what the change would be. */
  readonly dryRun: boolean;
  /** Aborts when the caller goes. */
  readonly signal?: AbortSignal;
}
