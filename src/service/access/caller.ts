import type { Principal } from "../../core/token.js";

/** The caller of a change, and its conditions. */
export interface ChangeRequest {
  readonly principal: Principal;
  /** The Idempotency-Key header, if any. */
  readonly idempotencyKey: string | null;
  /** The sequence of the If-Match header, if any. */
  readonly ifSequence: number | null;
}
